"""Detects that the machine was suspended, by comparing two clocks."""

from __future__ import annotations

import time
from collections.abc import Callable

SUSPENDED = "the computer was asleep"
LEAST_NS = 50_000_000  # a suspend takes far longer; the time between two readings of the clocks is far shorter


def since_boot_ns() -> int:
    """Return CLOCK_BOOTTIME in nanoseconds: CLOCK_MONOTONIC plus the time suspended (clock_gettime(2), Linux)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SuspendDetector:
    """Detect that the machine was suspended.

    CLOCK_MONOTONIC does not count that time: a frame from before it still looks fresh, though another person may sit in
    front of the camera now.

    Args:
        since_boot: Returns CLOCK_BOOTTIME in nanoseconds.
        awake: Returns CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self, since_boot: Callable[[], int] = since_boot_ns, awake: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._since_boot, self._awake = since_boot, awake
        self._asleep_ns = self._least_asleep_ns()
        self.resumed_ns = 0  # when the last suspend was detected: frames captured earlier are from before it

    def was_suspended(self) -> bool:
        """Return True if the machine was suspended since the last call."""
        asleep_ns = self._least_asleep_ns()
        was_suspended = asleep_ns - self._asleep_ns > LEAST_NS
        self._asleep_ns = max(self._asleep_ns, asleep_ns)
        if was_suspended:
            self.resumed_ns = self._awake()
        return was_suspended

    def _least_asleep_ns(self) -> int:
        """Return a lower bound of how long the machine has been suspended since it started.

        This process may be stopped between the two readings. CLOCK_BOOTTIME is read first, so such a stop makes the
        difference smaller and is never taken for a suspend.
        """
        since_boot_ns = self._since_boot()
        return since_boot_ns - self._awake()
