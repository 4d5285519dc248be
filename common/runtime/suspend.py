"""Whether the machine slept. Pure but for the clocks."""

from __future__ import annotations

import time
from collections.abc import Callable

SLEPT = "the computer was asleep"
LEAST_NS = 50_000_000  # a suspend takes far longer; the two clocks, read one after the other, differ by far less


def since_boot_ns() -> int:
    """Return CLOCK_BOOTTIME in nanoseconds: CLOCK_MONOTONIC, and the time asleep more (clock_gettime(2), Linux)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SleepWatch:
    """Notices that the machine has slept, which CLOCK_MONOTONIC does not show: it stands still meanwhile.

    A picture of before the sleep is as fresh as ever by CLOCK_MONOTONIC, though the person in front may be another one.

    Args:
        since_boot: CLOCK_BOOTTIME in nanoseconds.
        awake: CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self, since_boot: Callable[[], int] = since_boot_ns, awake: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._since_boot, self._awake = since_boot, awake
        self._asleep_ns = self._least_asleep_ns()
        self.woke_ns = 0  # when the last sleep was noticed: what was captured earlier is of before it

    def has_slept(self) -> bool:
        """Return True once for every sleep since the last call."""
        asleep_ns = self._least_asleep_ns()
        has_slept = asleep_ns - self._asleep_ns > LEAST_NS
        self._asleep_ns = max(self._asleep_ns, asleep_ns)
        if has_slept:
            self.woke_ns = self._awake()
        return has_slept

    def _least_asleep_ns(self) -> int:
        """Return how long the machine has slept since it started, or less.

        This process may be stopped between the two readings. CLOCK_BOOTTIME is read first, so that such a stop makes the
        difference smaller and is never taken for a sleep.
        """
        since_boot_ns = self._since_boot()
        return since_boot_ns - self._awake()
