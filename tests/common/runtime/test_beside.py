from __future__ import annotations

import logging
import threading

import pytest

from common.runtime.beside import Beside
from common.runtime.heartbeat import Heartbeat
from common.runtime.stage_context import StageContext


class CountingContext(StageContext):
    """Counts heartbeats, and lets what runs beside go on after some."""

    def __init__(self) -> None:
        super().__init__(Heartbeat(logging.INFO), [], restarts=0)
        self.beats, self.may_end = 0, threading.Event()

    def should_stop(self) -> bool:
        self.beats += 1
        if self.beats == 3:
            self.may_end.set()
        return super().should_stop()


def test_the_heart_beats_while_something_takes_long() -> None:
    """A disk that stood still for 5 s ended the display that wrote a film."""
    context = CountingContext()

    def slow(number: int) -> int:
        assert context.may_end.wait(60)
        return number

    assert Beside(context).run(slow, 7) == 7
    assert context.beats >= 3


@pytest.mark.parametrize("error", [OSError("no room"), TimeoutError("of the disk")])
def test_what_fails_beside_is_raised(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        Beside(CountingContext()).run(fail)


def test_all_runs_in_one_thread() -> None:
    beside = Beside(CountingContext())
    assert len({beside.run(threading.get_ident) for _ in range(5)} - {threading.get_ident()}) == 1
