"""The time stamps of a film: those of the recording, to the tick. Pure."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from common.ipc.recording_clock import RECORDING_BEGIN_NS

MOST_TICKS_PER_S = 2**31 - 1  # what MP4 has room for


def film_time_base(time_base: Fraction) -> Fraction:
    """Return the time base in which the stamps of a recording are whole numbers, and whose numerator is 1, as in MP4."""
    return Fraction(1, time_base.denominator)


def ticks_of(captured_ns: int, time_base: Fraction) -> int:
    """Return the time stamp that a `captured_ns` of a recording stands for, in ticks.

    It is exact where a tick is longer than 1 ns, because `captured_ns` is rounded to 1 ns.
    """
    return round(Fraction(captured_ns - RECORDING_BEGIN_NS, 1_000_000_000) / time_base)


def common_rate(rates: list[int]) -> int:
    """Return the ticks a second of a film's header, in which the beginnings of all its tracks are whole numbers.

    Args:
        rates: Ticks a second of each track, that of the pictures first. It is used alone where all do not go together.
    """
    rate = lcm(*rates)
    return rate if rate <= MOST_TICKS_PER_S else rates[0]


class FrameStamps:
    """Gives each frame its stamp and, one frame later, its duration.

    No player shows what is before 0: a film that would begin there begins at 0.

    Args:
        time_base: Of the film, seconds a tick.

    Attributes:
        delay: Ticks by which the whole film is later than the recording.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._last: int | None = None
        self.delay = 0

    def next(self, captured_ns: int) -> tuple[int, int | None]:
        """Return the stamp of the next frame, and the duration of the one before it, None if there is none before it.

        A frame whose recording has no stamp of its own for it may lie on the tick of the last one; it follows by a tick.
        """
        stamp = ticks_of(captured_ns, self._time_base)
        if self._last is None:
            self.delay = max(0, -stamp)
            self._last = stamp + self.delay
            return self._last, None
        before, self._last = self._last, max(self._last + 1, stamp + self.delay)
        return self._last, self._last - before
