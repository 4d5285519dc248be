from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from capture.reader import SourceFailure, SourceReader
from capture.sources.source import SourceFrame
from common.errors import SourceError, SourceLostError
from tests.processes.neighbours import wait_for

NAME = "the camera"


class Fast:
    """A source that delivers at once, `count` times, and then ends, fails, or blocks before it ends or fails."""

    description = notice = ""
    name = "fast"
    read_timeout_s = 0.2

    def __init__(
        self,
        count: int,
        then: Exception | threading.Event | None = None,
        reopen: Callable[[], Fast] | None = None,
        at_last: Exception | None = None,
    ) -> None:
        self.left, self.then, self.at_last = count, then, at_last
        self.reopen = reopen or (lambda: Fast(0))
        self.closed = False
        self.blocks = threading.Event()

    def read(self) -> SourceFrame | None:
        if self.left == 0:
            if isinstance(self.then, Exception):
                raise self.then
            if self.then is not None:
                self.blocks.set()
                self.then.wait(60)
            if self.at_last is not None:
                raise self.at_last
            return None
        self.left -= 1
        return SourceFrame(np.zeros((2, 2, 3), np.uint8), self.left, time.monotonic_ns())

    def close(self) -> None:
        self.closed = True


def all_of(reader: SourceReader, until: Callable[[], bool]) -> list[SourceFrame | SourceFailure]:
    taken: list[SourceFrame | SourceFailure] = []

    def look() -> bool:
        reader.check_timeout(time.monotonic())
        if (one := reader.poll()) is not None:
            taken.append(one)
        return until()

    wait_for("the reader", look)
    return taken


def test_only_the_newest_frame_is_kept_and_the_others_are_counted() -> None:
    with SourceReader(lambda: Fast(5), NAME) as reader:
        reader._thread.join(5)
        frame = reader.poll()
        assert isinstance(frame, SourceFrame)
        assert frame.source_index == 0
        assert reader.overwritten == 4
        assert reader.poll() is None
        assert reader.ended


@pytest.mark.parametrize("count", [0, 3])
def test_an_error_of_the_source_is_raised_in_the_loop(count: int) -> None:
    with SourceReader(lambda: Fast(count, SourceError("broken image")), NAME) as reader:
        reader._thread.join(5)
        assert not reader.ended, "a failure must not be taken for the end of the film"
        with pytest.raises(SourceError, match="broken image"):
            reader.poll()


def test_a_failure_is_reported_and_the_source_reopened() -> None:
    first = Fast(3, SourceLostError("unplugged"), lambda: Fast(2))
    with SourceReader(lambda: first, NAME) as reader:
        taken = all_of(reader, lambda: reader.ended)
    assert [t for t in taken if isinstance(t, SourceFailure)] == [SourceFailure("unplugged")]
    assert isinstance(taken[-1], SourceFrame)
    assert first.closed


def test_the_failure_is_reported_before_the_next_frame() -> None:
    with SourceReader(lambda: Fast(1, SourceLostError("unplugged"), lambda: Fast(1)), NAME) as reader:
        reader._thread.join(5)
        assert reader.poll() == SourceFailure("unplugged")
        assert isinstance(reader.poll(), SourceFrame)


def test_a_source_that_cannot_be_reopened_yet_is_waited_for_with_growing_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries, waited_s = 0, list[float]()

    def reopen() -> Fast:
        nonlocal tries
        tries += 1
        assert len(waited_s) == tries, "it waits before every try"
        if tries < 7:
            raise SourceError("still unplugged")
        return Fast(1)

    reader = SourceReader(lambda: Fast(1, SourceLostError("unplugged"), reopen), NAME)
    monkeypatch.setattr(reader._closing, "wait", waited_s.append)
    with reader:
        polled = all_of(reader, lambda: reader.ended)
    assert SourceFailure("the camera cannot be opened") in [t for t in polled if isinstance(t, SourceFailure)]
    assert waited_s == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_restarted_capture_waits_for_a_missing_source() -> None:
    sources: list[SourceError | Fast] = [SourceError("no camera"), Fast(1)]

    def opener() -> Fast:
        source = sources.pop(0)
        if isinstance(source, Exception):
            raise source
        return source

    with SourceReader(opener, NAME, retry_open=True) as reader:
        assert all_of(reader, lambda: reader.ended)[0] == SourceFailure("the camera cannot be opened")


def test_a_read_that_does_not_return_is_abandoned() -> None:
    comes_back = threading.Event()
    blocked = Fast(2, comes_back, lambda: Fast(1))
    with SourceReader(lambda: blocked, NAME) as reader:
        taken = all_of(reader, lambda: reader.ended)
        assert not blocked.closed
        comes_back.set()  # much later
        wait_for("the device let go by the abandoned thread", lambda: blocked.closed)
        assert reader.poll() is None
    assert [t for t in taken if isinstance(t, SourceFailure)] == [SourceFailure("fast: nothing came for 0 s")]
    assert isinstance(taken[-1], SourceFrame)


def test_after_a_suspend_frames_of_the_old_thread_are_dropped() -> None:
    """A device hands out what it held before the machine slept, as if it were new."""
    comes_back = threading.Event()
    slept, frames = Fast(2, comes_back, lambda: Fast(1)), []
    with SourceReader(lambda: slept, NAME) as reader:
        wait_for("a frame", reader.poll)
        wait_for("all that comes", lambda: slept.left == 0)
        reader.restart("the computer was asleep")
        assert reader.poll() == SourceFailure("the computer was asleep")
        frames = all_of(reader, lambda: reader.ended)
        comes_back.set()
        wait_for("the device let go by the abandoned thread", lambda: slept.closed)
    assert [frame.source_index for frame in frames if isinstance(frame, SourceFrame)] == [0]
    assert not [lost for lost in frames if isinstance(lost, SourceFailure)]


@pytest.mark.parametrize("at_last", [None, SourceError("broken image")], ids=["ends", "fails"])
def test_an_abandoned_source_neither_ends_nor_fails_the_call(at_last: Exception | None) -> None:
    comes_back, held = threading.Event(), threading.Event()
    blocked = Fast(1, comes_back, lambda: Fast(1, held), at_last)
    with SourceReader(lambda: blocked, NAME) as reader:
        abandoned = reader._thread
        all_of(reader, lambda: reader._session == 2)
        comes_back.set()
        abandoned.join(20)
        assert blocked.closed and not abandoned.is_alive(), "it has said all that it will ever say"
        for _ in range(3):
            reader.poll()
            assert not reader.ended
        held.set()


def test_closing_does_not_wait_for_a_device_that_blocks() -> None:
    comes_back = threading.Event()
    device = Fast(1, comes_back)
    with SourceReader(lambda: device, NAME) as reader:
        wait_for("a frame", reader.poll)
        device.blocks.wait(60)
        threading.Timer(5, comes_back.set).start()  # who waits for the device longer than that finds it free
    assert reader._thread.is_alive(), "its device blocks still"
    comes_back.set()
