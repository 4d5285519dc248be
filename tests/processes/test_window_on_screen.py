"""Runs the real window on an Xvfb screen; the test plays compose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command, FrameInfo, SelectSubject, SelectSubjectAt, SetFollow, SetHide, SetPrivacy
from common.ipc.ring import RingWriter, new_epoch
from common.ipc.streams import COMPOSITES, CONTROL, Socket, bind, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from display.captions import AMBER_BGR, BLUE_BGR, RED_BGR
from tests.pipeline.screen import screenshot, xdotool
from tests.processes.neighbours import stage, wait_for

SHAPE = (360, 640, 3)
SCREEN_WH = (1400, 900)  # of the fixture
COMPOSED = FrameComposed(FrameInfo(5, 0, 0, 0, "", 0, *SHAPE[:2]), 0, "live", "", 80.0, True, "m")
NEXT = SelectSubject(SelectSubject.NEXT, from_right=True)  # as seen in the mirror


@dataclass
class Compose:
    """Sends composites of a grey room to the window, and receives its commands."""

    screen: str
    shape: tuple[int, int, int]
    ring: RingWriter
    composites: Socket
    control: Socket
    counters: Counters
    number: int = 0
    window: str = ""

    def show(self, message: FrameComposed = COMPOSED) -> None:
        picture = self.ring.claim()
        picture[:], picture[:, : self.shape[1] // 2] = 90, 200
        now_ns, self.number = time.monotonic_ns(), self.number + 1
        send(
            self.composites,
            replace(message, frame=replace(message.frame, height=self.shape[0], width=self.shape[1], frame_id=self.number, captured_ns=now_ns, segment=self.ring.name, sequence=self.ring.publish()), composed_ns=now_ns),
        )  # fmt: skip

    def press(self, key: str) -> None:
        xdotool(self.screen, "key", key)

    def inside(self) -> np.ndarray:
        """The screen where the window is, without its frame."""
        left, top, width, height = (
            int(line.split("=")[1])
            for line in xdotool(self.screen, "getwindowgeometry", "--shell", self.window).splitlines()[1:5]
        )
        return screenshot(self.screen)[top : top + height, left : left + width]

    def bright(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the picture's bright half on the screen, once it is there."""

        def look() -> tuple[int, int, int, int] | None:
            self.show()
            found = (np.abs(screenshot(self.screen).astype(int) - 200) < 4).all(-1).astype(np.uint8)
            without_text = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((25, 25), np.uint8))
            left, top, width, height = cv2.boundingRect(without_text)
            return (left, top, width, height) if width * height > 10_000 else None

        return wait_for("the picture", look)

    def commands(self) -> list[Command]:
        """Return the next commands of the window."""

        def look() -> list[CommandIssued]:
            self.show()
            return receive(self.control, CommandIssued, self.counters)

        return [issued.command for issued in wait_for("a command", look)]

    def rows_of(self, colour: tuple[int, int, int]) -> int:
        """Count the rows of the screen that hold this colour over more than half of the window's width."""
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
def shape() -> tuple[int, int, int]:
    """Of the pictures."""
    return SHAPE


@pytest.fixture
def compose(
    shape: tuple[int, int, int], screen: str, run_dir: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Compose]:
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    open_run_dir(run_dir)
    with (
        open_context() as context,
        RingWriter("composites", shape, 6, new_epoch()) as ring,
        stage("display", run_dir, sink="window"),
    ):
        compose = Compose(
            screen, shape, ring, bind(context, COMPOSITES, run_dir), bind(context, CONTROL, run_dir), counters
        )

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
        compose.window = wait_for("the window", window)
        xdotool(screen, "windowfocus", "--sync", compose.window)
        yield compose


@pytest.mark.screen
def test_only_letters_and_digits_give_commands(compose: Compose) -> None:
    """Print Screen showed everybody: the lower byte of its code is "a"."""
    for key in ("Print", "Cancel", "F1", "F5", "Left", "Up", "Home", "Escape", "ctrl+a", "XF86AudioPlay", "exclam"):
        compose.press(key)
        time.sleep(0.1)  # the toolkit keeps the last key only: this one has to be taken before the next
        compose.press("n")
        assert compose.commands() == [NEXT], f"{key} is no command"
    for key, command in (
        ("a", SelectSubject(SelectSubject.EVERYBODY)),  # the negative control: it is heard before the n
        ("p", SetPrivacy(False)),
        ("P", SetPrivacy(False)),
        ("1", SelectSubject(1, from_right=True)),
        ("KP_9", SelectSubject(9, from_right=True)),
        ("r", SetHide("people")),
        ("f", SetFollow(True)),
    ):
        compose.press(key)
        assert compose.commands() == [command]
        compose.press("n")
        assert compose.commands() == [NEXT]
    compose.press("Caps_Lock")
    time.sleep(0.1)
    compose.press("p")
    assert compose.commands() == [SetPrivacy(False)]
    compose.press("Caps_Lock")


@pytest.mark.screen
def test_bars_are_shown_with_and_without_caption(compose: Compose) -> None:
    for _ in range(2):
        for colour, message in (
            (RED_BGR, replace(COMPOSED, state="off", privacy=False)),
            (AMBER_BGR, replace(COMPOSED, state="everybody")),
            (BLUE_BGR, replace(COMPOSED, state="hidden", question="is this you? y or n")),
        ):
            compose.until_rows_of(colour, message)
            compose.until_no_rows_of(colour)
        compose.press("i")


@pytest.mark.screen
def test_the_help_is_shown_and_taken_away(compose: Compose) -> None:
    def is_dark() -> bool:
        compose.show()
        return bool(np.median(compose.inside()[:120, :300]) < 40)  # the ground of the list

    for key in ("h", "question"):
        assert not is_dark()
        compose.press(key)
        wait_for("the help", is_dark)
        compose.press(key)
        wait_for("no help", lambda: not is_dark())


@pytest.mark.screen
@pytest.mark.parametrize("shape", [(1440, 2560, 3)])
def test_a_picture_larger_than_the_screen_fits_it_and_is_clicked_where_it_is_seen(compose: Compose) -> None:
    def geometry() -> tuple[int, int, int, int]:
        said = xdotool(compose.screen, "getwindowgeometry", "--shell", compose.window)
        found = dict(line.split("=") for line in said.splitlines())
        return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])

    def fits() -> bool:
        compose.show()
        left, top, width, height = geometry()
        return left >= 0 and top >= 0 and left + width <= SCREEN_WH[0] and top + height <= SCREEN_WH[1] and width > 640

    wait_for("a window that fits", fits)
    compose.press("i")
    _, _, width, height = geometry()
    assert abs(width / height - 16 / 9) < 0.02, "it keeps the aspect"
    for size in ((width, height), (700, 700)):
        xdotool(compose.screen, "windowsize", "--sync", compose.window, *map(str, size))
        wait_for("half of a picture of 16 to 9", lambda: abs(compose.bright()[2] / compose.bright()[3] - 8 / 9) < 0.05)
        left, top, width, height = compose.bright()
        xdotool(compose.screen, "mousemove", str(left + width // 2), str(top + height // 4), "click", "1")
        (click,) = compose.commands()
        assert isinstance(click, SelectSubjectAt)
        assert abs(click.x - 0.25) < 0.02 and abs(click.y - 0.25) < 0.03, "the left half, seen on the right"
