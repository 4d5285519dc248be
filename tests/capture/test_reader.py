from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from capture.reader import Lost, Reader
from capture.sources import Shot
from common.errors import SourceError, SourceLostError
from tests.processes.neighbours import wait_for

NAME = "the camera"


class Fast:
    """A source that delivers at once, `count` times, and then ends, fails, or blocks before it ends or fails."""

    description = notice = ""
    name = "fast"
    patience_s = 0.2

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

    def read(self) -> Shot | None:
        if self.left == 0:
            if isinstance(self.then, Exception):
                raise self.then
            if self.then is not None:
                self.then.wait(60)
            if self.at_last is not None:
                raise self.at_last
            return None
        self.left -= 1
        return Shot(np.zeros((2, 2, 3), np.uint8), self.left, time.monotonic_ns())

    def close(self) -> None:
        self.closed = True


def all_of(reader: Reader, until: Callable[[], bool]) -> list[Shot | Lost]:
    taken: list[Shot | Lost] = []

    def look() -> bool:
        reader.mind(time.monotonic())
        if (one := reader.take()) is not None:
            taken.append(one)
        return until()

    wait_for("the reader", look)
    return taken


def test_it_keeps_the_newest_only_and_counts_the_rest() -> None:
    with Reader(lambda: Fast(5), NAME) as reader:
        reader._thread.join(5)
        shot = reader.take()
        assert isinstance(shot, Shot)
        assert shot.source_index == 0
        assert reader.overwritten == 4
        assert reader.take() is None
        assert reader.ended


@pytest.mark.parametrize("count", [0, 3])
def test_a_mistake_is_handed_to_the_loop(count: int) -> None:
    with Reader(lambda: Fast(count, SourceError("broken image")), NAME) as reader:
        reader._thread.join(5)
        assert not reader.ended, "a failure must not be taken for the end of the film"
        with pytest.raises(SourceError, match="broken image"):
            reader.take()


def test_a_source_that_fails_is_said_to_be_lost_and_opened_again() -> None:
    first = Fast(3, SourceLostError("unplugged"), lambda: Fast(2))
    with Reader(lambda: first, NAME) as reader:
        taken = all_of(reader, lambda: reader.ended)
    assert [t for t in taken if isinstance(t, Lost)] == [Lost("unplugged")]
    assert isinstance(taken[-1], Shot)
    assert first.closed


def test_the_loss_is_said_before_what_comes_after_it() -> None:
    with Reader(lambda: Fast(1, SourceLostError("unplugged"), lambda: Fast(1)), NAME) as reader:
        reader._thread.join(5)
        assert reader.take() == Lost("unplugged")
        assert isinstance(reader.take(), Shot)


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

    reader = Reader(lambda: Fast(1, SourceLostError("unplugged"), reopen), NAME)
    monkeypatch.setattr(reader._closing, "wait", waited_s.append)
    with reader:
        taken = all_of(reader, lambda: reader.ended)
    assert Lost("the camera cannot be opened") in [t for t in taken if isinstance(t, Lost)]
    assert waited_s == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_restarted_capture_waits_for_a_source_that_is_not_there() -> None:
    sources: list[SourceError | Fast] = [SourceError("no camera"), Fast(1)]

    def opener() -> Fast:
        source = sources.pop(0)
        if isinstance(source, Exception):
            raise source
        return source

    with Reader(opener, NAME, patient=True) as reader:
        assert all_of(reader, lambda: reader.ended)[0] == Lost("the camera cannot be opened")


def test_a_read_that_does_not_come_back_is_given_up() -> None:
    comes_back = threading.Event()
    blocked = Fast(2, comes_back, lambda: Fast(1))
    with Reader(lambda: blocked, NAME) as reader:
        taken = all_of(reader, lambda: reader.ended)
        assert not blocked.closed
        comes_back.set()  # much later
        wait_for("the device let go by the abandoned thread", lambda: blocked.closed)
        assert reader.take() is None
    assert [t for t in taken if isinstance(t, Lost)] == [Lost("fast: nothing came for 0 s")]
    assert isinstance(taken[-1], Shot)


def test_after_a_sleep_what_is_still_read_counts_no_more() -> None:
    """A device hands out what it held before the machine slept, as if it were new."""
    comes_back = threading.Event()
    slept, shots = Fast(2, comes_back, lambda: Fast(1)), []
    with Reader(lambda: slept, NAME) as reader:
        wait_for("a shot", reader.take)
        wait_for("all that comes", lambda: slept.left == 0)
        reader.begin_anew("the computer was asleep")
        assert reader.take() == Lost("the computer was asleep")
        shots = all_of(reader, lambda: reader.ended)
        comes_back.set()
        wait_for("the device let go by the abandoned thread", lambda: slept.closed)
    assert [shot.source_index for shot in shots if isinstance(shot, Shot)] == [0]
    assert not [lost for lost in shots if isinstance(lost, Lost)]


@pytest.mark.parametrize("at_last", [None, SourceError("broken image")], ids=["ends", "fails"])
def test_a_source_that_was_given_up_neither_ends_nor_fails_the_call(at_last: Exception | None) -> None:
    comes_back, held = threading.Event(), threading.Event()
    blocked = Fast(1, comes_back, lambda: Fast(1, held), at_last)
    with Reader(lambda: blocked, NAME) as reader:
        abandoned = reader._thread
        all_of(reader, lambda: reader._session == 2)
        comes_back.set()
        abandoned.join(20)
        assert blocked.closed and not abandoned.is_alive(), "it has said all that it will ever say"
        for _ in range(3):
            reader.take()
            assert not reader.ended
        held.set()


def test_closing_does_not_wait_for_a_device_that_blocks() -> None:
    comes_back = threading.Event()
    with Reader(lambda: Fast(1, comes_back), NAME) as reader:
        wait_for("a shot", reader.take)
    assert reader._thread.is_alive(), "its device blocks still"
    comes_back.set()
