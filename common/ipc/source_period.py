"""Learns how long a source takes from one frame to the next, and so which silence is longer than its own rhythm. Pure."""

from __future__ import annotations

SILENT_PERIODS = 3  # a source is silent when it misses two frames in a row
# a source that is slower gets no longer bound than a fast one. It is 0.5 frames a second, and a tenth for a clock that is not exact
LONGEST_NS = 2_200_000_000
# a source with a longer period is slow: infer makes a mask of every frame (infer/static_scene.py), and compose waits for it
# (compose/policy.py), because a mask of the frame before is most of MASK_AGE_MS old
SLOW_NS = 500_000_000


class SourcePeriod:
    """Learns the time between two frames from the numbers and times of the frames of one epoch after the other."""

    def __init__(self) -> None:
        self._epoch = self._last_id = self._last_ns = 0
        self._periods_ns: tuple[int, ...] = ()  # the last two that were measured

    def add(self, epoch: int, frame_id: int, captured_ns: int) -> None:
        """Take a frame. A new epoch starts anew; a frame that is not newer than the last one changes nothing."""
        if epoch != self._epoch:
            self._periods_ns = ()
        elif frame_id <= self._last_id:
            return
        else:
            period_ns = max(0, captured_ns - self._last_ns) // (frame_id - self._last_id)
            self._periods_ns = (*self._periods_ns[-1:], period_ns)
        self._epoch, self._last_id, self._last_ns = epoch, frame_id, captured_ns

    @property
    def ns(self) -> int:
        """Nanoseconds from one frame to the next, 0 if it is unknown or too long.

        It is the shorter of the last two: after one late frame a fast source is still a fast one.
        """
        shortest_ns = min(self._periods_ns, default=0)
        return shortest_ns if shortest_ns <= LONGEST_NS else 0

    def patience_ns(self, least_ns: int, periods: float = SILENT_PERIODS) -> int:
        """Return after which time without a frame the source counts as silent.

        Args:
            least_ns: For a fast source.
            periods: For a slow source, so many of its own periods. The whole is never longer than so many times LONGEST_NS.
        """
        return max(least_ns, round(periods * self.ns))
