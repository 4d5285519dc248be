"""The clock of a source that has no time of its own.

A file keeps wall-clock time: the frame that is due *now* is delivered and late frames are skipped, their numbers too, so
the clock is never stretched. Live sources have no clock: they count what they read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

AHEAD = 0.4  # share of a frame period: frames are prepared so much before they are due, as a camera does
# a large picture may take longer to decode than one period. With the time when it was due it would be too old to be shown, and so
# would every other
LATE_NS = 500_000_000


@dataclass
class Clock:
    """Tell which frame is due: frame n at start + n / fps."""

    fps: float
    started_ns: int | None = None

    def wait_ahead_of(self, index: int) -> None:
        """Wait until frame `index` is nearly due. Preparing it earlier would slow down the frame before it."""
        if self.started_ns is not None:
            sleep_until(self.started_ns + round((index - AHEAD) * 1e9 / self.fps))

    def wait_for(self, index: int) -> int:
        """Wait until frame `index` is due. Returns that time, CLOCK_MONOTONIC ns; the present where it has been ready much later."""
        if self.started_ns is None:
            self.started_ns = time.monotonic_ns() - round(index * 1e9 / self.fps)
        due_ns = self.started_ns + round(index * 1e9 / self.fps)
        sleep_until(due_ns)
        now_ns = time.monotonic_ns()
        return due_ns if now_ns - due_ns < LATE_NS else now_ns

    def due(self) -> int:
        """Return the number of the frame that is due now."""
        return 0 if self.started_ns is None else int((time.monotonic_ns() - self.started_ns) * self.fps / 1e9)


def sleep_until(due_ns: int) -> None:
    """Wait until a time, CLOCK_MONOTONIC ns; not at all if it has passed."""
    time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
