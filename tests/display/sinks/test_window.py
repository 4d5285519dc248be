from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import (
    DetectorKind,
    FrameInfo,
    SelectSubject,
    SelectSubjectAt,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
    Style,
)
from display.meter import Meter
from display.sinks.window import WindowSink
from display.sinks.window_keys import HELP

BARE = FrameComposed(FrameInfo(5, 1, 1, 1, "s", 1, 36, 64), 1, "off", "turned off by hand", 1.0, False, "m")


@pytest.fixture
def shown() -> list[np.ndarray]:
    """What the window shows, the last picture last."""
    return []


@pytest.fixture
def clicking() -> list[Callable[..., None]]:
    """What the window has called at a click."""
    return []


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, shown: list[np.ndarray], clicking: list[Callable[..., None]]) -> list[int]:
    """Replace the window by a list of key codes that the test presses."""
    pressed: list[int] = []

    def nothing(*_: Any) -> None:
        return

    for name in ("namedWindow", "resizeWindow", "moveWindow"):
        monkeypatch.setattr(cv2, name, nothing)
    monkeypatch.setattr(cv2, "imshow", lambda _, picture: shown.append(picture.copy()))
    monkeypatch.setattr(cv2, "setMouseCallback", lambda _, click: clicking.append(click))
    monkeypatch.setattr("display.sinks.window.work_area", lambda: None)
    monkeypatch.setattr(cv2, "pollKey", lambda: pressed.pop() if pressed else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    return pressed


HIDING = (
    ("p", SetPrivacy(True)), ("v", SetView(False)), ("a", SelectSubject(SelectSubject.ONE)), ("r", SetHide("room")),
    ("f", SetFollow(True)),
)  # fmt: skip
LIVE = replace(BARE, state="live", reason="", privacy=True)


def test_keys_pressed_before_the_first_picture_only_hide(keys: list[int]) -> None:
    """A window that is opened again during a call knows nothing of the picture that its commands would change."""
    sink = WindowSink(mirrors=True)
    for key, hides in HIDING:
        keys.append(ord(key))
        assert sink.poll().commands == (hides,)


def test_keys_pressed_over_a_card_only_hide(keys: list[int]) -> None:
    """Over a card nobody sees which picture a command would change."""
    sink = WindowSink(mirrors=True)
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
    sink = WindowSink(mirrors=True)
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
    WindowSink(mirrors=True).show(np.zeros((360, 640, 3), np.uint8), message, Meter())
    assert written and ("embedded in something" in written) is is_said


def leaning() -> np.ndarray:
    """A picture whose left half is bright."""
    picture = np.zeros((36, 64, 3), np.uint8)
    picture[:, :32] = 200
    return picture


def is_bright(picture: np.ndarray, column: int) -> bool:
    """Whether the last row, below all text, is bright there."""
    return bool((picture[-1, column] > 100).all())


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("mirrors", "message", "is_mirrored"),
    [
        (True, LIVE, True),
        (True, BARE, True),
        (True, replace(LIVE, state="hidden"), True),
        (True, replace(LIVE, notice="the camera gives no picture"), False),
        (True, replace(LIVE, state="lost"), False),
        (True, replace(BARE, state="instances"), False),
        (False, LIVE, False),
    ],
)
def test_the_viewer_sees_and_chooses_as_in_a_mirror_where_no_text_would_be_backwards(
    mirrors: bool, message: FrameComposed, is_mirrored: bool, shown: list[np.ndarray], clicking: list[Callable[..., None]]
) -> None:  # fmt: skip
    sink, picture = WindowSink(mirrors=mirrors), leaning()
    sink.show(picture, message, Meter())
    assert is_bright(shown[-1], 60) is is_mirrored and is_bright(shown[-1], 3) is not is_mirrored
    clicking[0](cv2.EVENT_LBUTTONDOWN, 3, 9, 0, None)
    (click,) = sink.poll().commands
    assert isinstance(click, SelectSubjectAt)
    seen = shown[-1][-1, 3]
    assert (picture[-1, int(click.x * 64)] == seen).all(), "the click is where the viewer saw it"


def test_what_the_display_sends_elsewhere_is_not_mirrored(keys: list[int]) -> None:
    sink, picture = WindowSink(mirrors=True), leaning()
    sink.show(picture, LIVE, Meter())
    assert is_bright(picture, 3) and not is_bright(picture, 60), "the sink leaves its picture as it was"


@pytest.mark.parametrize("key", ["h", "?"])
def test_the_help_lists_every_key_over_pictures_and_cards(
    key: str, keys: list[int], shown: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[str]] = []
    monkeypatch.setattr("display.sinks.window.write_caption", lambda _, lines: written.append(lines))
    sink = WindowSink(mirrors=True)

    def show_picture() -> None:
        sink.show(np.zeros((36, 64, 3), np.uint8), LIVE, Meter())

    def stay_a_card() -> None:
        return

    for show in (stay_a_card, show_picture):
        show()
        assert HELP[0] not in written[-1]
        keys.append(ord(key))
        assert sink.poll().commands == ()
        show()
        listed = {line.partition(": ")[0] for line in written[-1] if ": " in line}
        assert listed == {*"hpnarfviq", "1-9", "click"}, "over a card at once"
        keys.append(ord(key))
        sink.poll()


def test_the_help_is_in_no_picture_but_the_window_s(keys: list[int], shown: list[np.ndarray]) -> None:
    sink, picture = WindowSink(mirrors=True), leaning()
    keys.append(ord("h"))
    sink.poll()
    sink.show(picture, LIVE, Meter())
    assert (picture == leaning()).all()
    assert (shown[-1] != cv2.flip(picture, 1)).any()


def test_keys_state_what_is_hidden_and_whether_the_picture_follows(keys: list[int]) -> None:
    sink = WindowSink(mirrors=True)
    for style, key, command in (
        (Style(), "r", SetHide("people")),
        (Style(hide="people"), "r", SetHide("room")),
        (Style(), "f", SetFollow(True)),
        (Style(follow=True), "f", SetFollow(False)),
    ):
        sink.show(np.zeros((36, 64, 3), np.uint8), replace(LIVE, style=style), Meter())
        keys.append(ord(key))
        assert sink.poll().commands == (command,)
        sink.show(np.zeros((36, 64, 3), np.uint8), replace(LIVE, style=style, fixed="blur,follow,hide"), Meter())
        keys.append(ord(key))
        assert sink.poll().commands == (), "what a flag fixes is not offered"


def test_people_are_counted_from_the_left_as_seen(keys: list[int]) -> None:
    for mirrors in (True, False):
        sink = WindowSink(mirrors=mirrors)
        sink.show(np.zeros((36, 64, 3), np.uint8), LIVE, Meter())
        for key, number in (("2", 2), ("n", SelectSubject.NEXT)):
            keys.append(ord(key))
            assert sink.poll().commands == (SelectSubject(number, from_right=mirrors),)
