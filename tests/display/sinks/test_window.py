from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import DetectorKind, FrameInfo, SelectSubject, SetPrivacy, SetView
from display.meter import Meter
from display.sinks.window import WindowSink

BARE = FrameComposed(FrameInfo(5, 1, 1, 1, "s", 1, 36, 64), 1, "off", "turned off by hand", 1.0, False, "m")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace the window by a list of key codes that the test presses."""
    pressed: list[int] = []

    def nothing(*_: Any) -> None:
        return

    for name in ("namedWindow", "imshow", "setMouseCallback", "resizeWindow"):
        monkeypatch.setattr(cv2, name, nothing)
    monkeypatch.setattr(cv2, "pollKey", lambda: pressed.pop() if pressed else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    return pressed


HIDING = (("p", SetPrivacy(True)), ("v", SetView(False)), ("a", SelectSubject(SelectSubject.ONE)))


def test_keys_pressed_before_the_first_picture_only_hide(keys: list[int]) -> None:
    """A window that is opened again during a call knows nothing of the picture that its commands would change."""
    sink = WindowSink()
    for key, hides in HIDING:
        keys.append(ord(key))
        assert sink.poll().commands == (hides,)


def test_keys_pressed_over_a_card_only_hide(keys: list[int]) -> None:
    """Over a card nobody sees which picture a command would change."""
    sink = WindowSink()
    for privacy in (True, False):
        message = replace(BARE, state="live", reason="", privacy=True) if privacy else BARE
        sink.show(np.zeros((36, 64, 3), np.uint8), message, Meter())
        keys.append(ord("p"))
        assert sink.poll().commands == (SetPrivacy(not privacy),)
        sink.blank("compose has ended")
        for key, hides in HIDING:
            keys.append(ord(key))
            assert sink.poll().commands == (hides,)


@pytest.mark.parametrize("state", ["everybody", "hidden"])
def test_key_a_switches_between_everybody_and_one_person(state: str, keys: list[int]) -> None:
    """It does so too while nobody is found, when the state is `hidden`."""
    sink = WindowSink()
    for everybody, number in ((False, SelectSubject.EVERYBODY), (True, SelectSubject.ONE)):
        message = replace(BARE, state=state if everybody else "live", reason="", privacy=True, everybody=everybody)
        sink.show(np.zeros((36, 64, 3), np.uint8), message, Meter())
        keys.append(ord("a"))
        assert sink.poll().commands == (SelectSubject(number),)


@pytest.mark.parametrize(
    ("detector", "is_said"),
    [(DetectorKind.EMBEDDED, True), (DetectorKind.MASK_RCNN, False), (DetectorKind.NONE, False)],
)
def test_the_caption_names_the_small_networks_where_they_work_alone(
    detector: DetectorKind, is_said: bool, keys: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the model's name begins with: that is for people."""
    written: list[str] = []
    monkeypatch.setattr("display.sinks.window.write_caption", lambda _, lines: written.extend(lines))
    message = replace(BARE, model="embedded in something", detector=detector)
    WindowSink().show(np.zeros((360, 640, 3), np.uint8), message, Meter())
    assert written and ("embedded in something" in written) is is_said
