from __future__ import annotations

import logging

import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.runtime.supervisor import STUCK_AFTER_S
from common.vision.arrays import BgrImage
from display.meter import Meter
from display.screen import PATIENCE_S
from display.sinks.reopening import LAST_RETRY_S, LASTED_S, ReopeningSink
from display.sinks.sink import Sink, SinkEvents
from tests.display.test_meter import MESSAGE

PICTURE = np.zeros((90, 160, 3), np.uint8)


class FailingSink:
    """Raises `error` from the method `where`; records what it was given."""

    local = is_watched = True

    def __init__(self, where: str = "", error: Exception | None = None) -> None:
        self._where, self._error = where, error
        self.did: list[str] = []

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        self._do("show")

    def blank(self, why: str) -> None:
        self._do("blank")

    def poll(self) -> SinkEvents:
        self._do("poll")
        return SinkEvents(quit=self._where == "quit")

    def close(self) -> None:
        self._do("close")

    def _do(self, what: str) -> None:
        self.did.append(what)
        if what == self._where and self._error is not None:
            raise self._error


class Played:
    """A clock, and sinks that are opened one after the other; an exception among them is raised instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sinks: Sink | Exception) -> None:
        self.now = 100.0
        self.patience_s: list[float] = []
        self._sinks = list(sinks)
        monkeypatch.setattr("time.monotonic", lambda: self.now)

    def open(self, patience_s: float) -> Sink:
        self.patience_s.append(patience_s)
        if isinstance(sink := self._sinks.pop(0), Exception):
            raise sink
        return sink

    def wait(self, sink: ReopeningSink, seconds: float = LAST_RETRY_S) -> SinkEvents:
        self.now += seconds
        return sink.poll()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("where", ["show", "blank", "poll"])
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DisplayError("--out: the disk is full; make room"), "--out: the disk is full; make room; the call goes on"),
        (OSError(19, "No such device"), "--sink camera: OSError: [Errno 19] No such device; the call goes on"),
        (RuntimeError("two\nlines"), "--sink camera: RuntimeError: two lines; the call goes on"),
    ],
    ids=["known", "device", "library"],
)
def test_a_sink_that_fails_is_closed_and_opened_again_and_one_line_says_so(
    where: str, error: Exception, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing, next_one = FailingSink(where, error), FailingSink()
    played = Played(monkeypatch, failing, next_one)
    sink = ReopeningSink("camera", played.open, is_restart=False)
    sink.poll()
    sink.show(PICTURE, MESSAGE, Meter())
    sink.blank("nothing comes")
    assert failing.did[-1] == "close"
    assert not sink.local, "nobody sees a sink that is closed"
    assert next_one.did == []
    assert len(said(caplog)) == 1 and said(caplog)[0].startswith(text)
    played.wait(sink)
    sink.show(PICTURE, MESSAGE, Meter())
    assert next_one.did == ["poll", "show"]
    assert sink.local
    sink.close()
    assert next_one.did[-1] == "close"


def test_a_sink_that_cannot_even_be_closed_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(FailingSink):
        def close(self) -> None:
            raise OSError("gone")

    next_one = FailingSink()
    played = Played(monkeypatch, Gone("show", OSError("gone")), next_one)
    sink = ReopeningSink("camera", played.open, is_restart=False)
    sink.show(PICTURE, MESSAGE, Meter())
    played.wait(sink)
    assert next_one.did == ["poll"]


def test_the_first_opening_of_a_call_may_fail_and_that_of_a_restart_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A display that was killed could not open its folder, its port or its screen again, and the call ended."""
    taken, opened = DisplayError("the port is taken"), FailingSink("quit")
    played = Played(monkeypatch, taken, taken, taken, opened)
    with pytest.raises(DisplayError, match="taken"):
        ReopeningSink("web", played.open, is_restart=False)
    sink = ReopeningSink("web", played.open, is_restart=True)
    assert sink.poll() == SinkEvents(), "not again at once"
    played.wait(sink, LASTED_S + 1)
    assert opened.did == []
    assert said(caplog) == ["the port is taken; the call goes on, and this is tried again"], "the same is said once"
    assert played.wait(sink).quit, "closing the window, or q, still ends the call"
    assert played.patience_s[:2] == [PATIENCE_S] * 2, "a process has time to begin"
    assert max(played.patience_s[2:]) < STUCK_AFTER_S, "a loop that turns must not stand still"


def test_failures_in_a_row_are_tried_ever_more_rarely_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = DisplayError("the disk is full")
    sinks = [FailingSink("show", full) for _ in range(100)]
    played = Played(monkeypatch, *sinks)
    sink = ReopeningSink("record", played.open, is_restart=False)

    def opened_within(seconds: int) -> int:
        for _ in range(4 * seconds):
            played.wait(sink, 0.25)
            sink.show(PICTURE, MESSAGE, Meter())
        return sum(bool(s.did) for s in sinks)

    assert opened_within(60) == 10, "after 1, 2, 4 and then every 8 s"
    assert len(said(caplog)) == 1


def test_another_failure_is_said_at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The log said that the next file is being recorded, and not that it could not be written either."""
    failures = [DisplayError(f"cannot go on writing {name}") for name in ("call.mp4", "call-2.mp4", "call.mp4")]
    played = Played(monkeypatch, *(FailingSink("show", failure) for failure in failures), FailingSink())
    sink = ReopeningSink("video", played.open, is_restart=False)
    for _ in failures:
        sink.show(PICTURE, MESSAGE, Meter())
        played.wait(sink)
    assert [text.split(";")[0] for text in said(caplog)] == [str(failure) for failure in failures[:2]]


def test_a_failure_after_a_sink_has_worked_for_a_while_is_said_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = DisplayError("the disk is full")
    played = Played(monkeypatch, *(FailingSink("show", full) for _ in range(3)))
    sink = ReopeningSink("record", played.open, is_restart=False)
    for wait in (LAST_RETRY_S, LASTED_S + 1):
        sink.show(PICTURE, MESSAGE, Meter())
        played.wait(sink, LAST_RETRY_S)
        played.now += wait
    sink.show(PICTURE, MESSAGE, Meter())
    assert len(said(caplog)) == 2
