"""Decides which frames of a recording are looked at, and which idle worker gets which of them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain

from common.ipc.records import FrameInfo

LONGEST_NS = 200_000_000  # of the source's time from one look to the next: so a slow source is looked at on every frame
GIVEN_AGAIN_AFTER_S = 5.0  # a worker that was given a look and is still not done has been killed, or is stuck


class LookRule:
    """Decides which frames are looked at: never by the clock, so that the same file gives the same looks.

    Args:
        every: `--look-every`.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._last: tuple[int, int] | None = None  # number and captured_ns of the last look

    def is_look(self, number: int, captured_ns: int, *, at_cut: bool) -> bool:
        """Return whether the next frame is looked at; `at_cut`: it is the first or the last one of a shot."""
        is_due = (
            self._last is None or number - self._last[0] >= self._every or captured_ns - self._last[1] >= LONGEST_NS
        )
        if is_due or at_cut:
            self._last = (number, captured_ns)
        return is_due or at_cut


class LookQueue:
    """Gives each look to one worker, in order, and again where no result came. A worker requests one whenever it is idle."""

    def __init__(self) -> None:
        self._looks: OrderedDict[int, FrameInfo] = OrderedDict()  # without a result, by number
        self._given_s: dict[int, float] = {}  # when each of them was given out last
        self._idle: OrderedDict[bytes, None] = OrderedDict()

    def add(self, frame: FrameInfo) -> None:
        """Add a look; numbers grow."""
        self._looks[frame.frame_id] = frame

    def forget_before(self, number: int) -> None:
        """Forget the looks before a number, because compose has their results."""
        while self._looks and (first := next(iter(self._looks))) < number:
            del self._looks[first]
            self._given_s.pop(first, None)

    def request(self, worker: bytes) -> None:
        """Record that a worker is idle. A second request has no effect."""
        self._idle.setdefault(worker)

    def remove(self, worker: bytes) -> None:
        """Forget a worker that is gone."""
        self._idle.pop(worker, None)

    def next(self, now_s: float) -> tuple[bytes, FrameInfo] | None:
        """Return the worker that has waited longest and a look for it, None where there is none of either: the first that nobody
        was given, and where all were given the first that was given long ago."""
        worker = next(iter(self._idle), None)
        if worker is None:
            return None
        given_s, looks = self._given_s, self._looks.items()
        new = (frame for number, frame in looks if number not in given_s)
        late = (frame for number, frame in looks if now_s - given_s[number] > GIVEN_AGAIN_AFTER_S)
        look = next(chain(new, late), None)
        return None if look is None else (worker, look)

    def give(self, worker: bytes, number: int, now_s: float) -> None:
        """Record that a look was given to a worker, which is busy from now on."""
        self._idle.pop(worker, None)
        self._given_s[number] = now_s
