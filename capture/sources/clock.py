"""The clock of a source that has no time of its own.

A file keeps wall-clock time: the frame that is due *now* is delivered and late frames are skipped, their numbers too, so
the clock is never stretched. Live sources have no clock: they count what they read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

AHEAD = 0.4  # of the time between two frames: a frame is made so much before it is due, as a camera has its own by then


@dataclass
class Clock:
    """Which frame of a file is due: frame n at start + n / fps."""

    fps: float
    started_ns: int | None = None

    def wait_ahead_of(self, index: int) -> None:
        """Wait until frame `index` is soon due: made earlier, it would take the processor from the frame before it."""
        if self.started_ns is not None:
            self._sleep_until(self.started_ns + round((index - AHEAD) * 1e9 / self.fps))

    def wait_for(self, index: int) -> int:
        """Wait until frame `index` is due; returns when that was, or is, in ns."""
        if self.started_ns is None:
            self.started_ns = time.monotonic_ns() - round(index * 1e9 / self.fps)
        due_ns = self.started_ns + round(index * 1e9 / self.fps)
        self._sleep_until(due_ns)
        return due_ns

    @staticmethod
    def _sleep_until(due_ns: int) -> None:
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)

    def due(self) -> int:
        """Number of the frame that is due now."""
        return 0 if self.started_ns is None else int((time.monotonic_ns() - self.started_ns) * self.fps / 1e9)
