"""The real window on a screen of its own; the test plays compose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command, FrameInfo, SelectSubject, SetPrivacy
from common.ipc.ring import RingWriter, new_epoch
from common.ipc.streams import COMPOSITES, CONTROL, Socket, bind, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from display.captions import AMBER_BGR, BLUE_BGR, RED_BGR
from tests.pipeline.screen import screenshot, xdotool
from tests.processes.neighbours import stage, wait_for

SHAPE = (360, 640, 3)
COMPOSED = FrameComposed(FrameInfo(5, 0, 0, 0, "", 0, *SHAPE[:2]), 0, "live", "", 80.0, True, "m")
NEXT = SelectSubject(SelectSubject.NEXT)


@dataclass
class Compose:
    """Sends composites of a grey room to the window, and hears its wishes."""

    screen: str
    ring: RingWriter
    composites: Socket
    control: Socket
    counters: Counters
    number: int = 0

    def show(self, message: FrameComposed = COMPOSED) -> None:
        self.ring.claim()[:] = 90
        now_ns, self.number = time.monotonic_ns(), self.number + 1
        send(
            self.composites,
            replace(message, frame=replace(message.frame, frame_id=self.number, captured_ns=now_ns, segment=self.ring.name, sequence=self.ring.publish()), composed_ns=now_ns),
        )  # fmt: skip

    def press(self, key: str) -> None:
        xdotool(self.screen, "key", key)

    def wishes(self) -> list[Command]:
        """What is wanted next."""

        def look() -> list[CommandIssued]:
            self.show()
            return receive(self.control, CommandIssued, self.counters)

        return [wish.command for wish in wait_for("a wish", look)]

    def rows_of(self, colour: tuple[int, int, int]) -> int:
        """How many rows of the screen hold this colour over more than half of the window's width."""
        return int((np.count_nonzero((screenshot(self.screen) == colour).all(-1), axis=1) > SHAPE[1] / 2).sum())

    def until_rows_of(self, colour: tuple[int, int, int], message: FrameComposed) -> None:
        def look() -> bool:
            self.show(message)
            return self.rows_of(colour) > 5

        wait_for("a bar", look)

    def until_no_rows_of(self, colour: tuple[int, int, int]) -> None:
        def look() -> bool:
            self.show()
            return self.rows_of(colour) == 0

        wait_for("no bar", look)


@pytest.fixture
def compose(screen: str, run_dir: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compose]:
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    open_run_dir(run_dir)
    with (
        open_context() as context,
        RingWriter("composites", SHAPE, 6, new_epoch()) as ring,
        stage("display", run_dir, sink="window"),
    ):
        compose = Compose(screen, ring, bind(context, COMPOSITES, run_dir), bind(context, CONTROL, run_dir), counters)

        def window() -> str:
            return xdotool(screen, "search", "--name", "^onlyme$").split("\n")[0]

        def is_shown() -> bool:
            for _ in range(20):
                compose.show()
                if screenshot(screen).mean() > 5:
                    return True
            # where there is no window manager, the toolkit now and then misses that its window may be painted
            xdotool(screen, "windowunmap", window(), "windowmap", window())
            return False

        wait_for("a picture", is_shown, 60)
        # not before: the toolkit may make its window anew, and keys for the first one go nowhere
        xdotool(screen, "windowfocus", "--sync", wait_for("the window", window))
        yield compose


@pytest.mark.screen
def test_letters_and_digits_are_wishes_and_no_other_key_is(compose: Compose) -> None:
    """Print Screen showed everybody: the lower byte of its code is "a"."""
    for key in ("Print", "Cancel", "F1", "F5", "Left", "Up", "Home", "Escape", "ctrl+a", "XF86AudioPlay", "exclam"):
        compose.press(key)
        time.sleep(0.1)  # the toolkit keeps the last key only: this one has to be taken before the next
        compose.press("n")
        assert compose.wishes() == [NEXT], f"{key} is no wish"
    for key, wanted in (
        ("a", SelectSubject(SelectSubject.EVERYBODY)),  # the negative control: it is heard before the n
        ("p", SetPrivacy(False)),
        ("P", SetPrivacy(False)),
        ("1", SelectSubject(1)),
        ("KP_9", SelectSubject(9)),
    ):
        compose.press(key)
        assert compose.wishes() == [wanted]
        compose.press("n")
        assert compose.wishes() == [NEXT]
    compose.press("Caps_Lock")
    time.sleep(0.1)
    compose.press("p")
    assert compose.wishes() == [SetPrivacy(False)]
    compose.press("Caps_Lock")


@pytest.mark.screen
def test_what_more_is_shown_and_what_is_asked_has_a_bar_with_and_without_caption(compose: Compose) -> None:
    for _ in range(2):
        for colour, message in (
            (RED_BGR, replace(COMPOSED, state="off", privacy=False)),
            (AMBER_BGR, replace(COMPOSED, state="everybody")),
            (BLUE_BGR, replace(COMPOSED, state="hidden", question="is this you? y or n")),
        ):
            compose.until_rows_of(colour, message)
            compose.until_no_rows_of(colour)
        compose.press("i")
