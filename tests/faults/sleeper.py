"""A real stage on a machine that sleeps when it is told to: `python -m tests.faults.sleeper compose`. Never part of the call.

At SIGUSR1 CLOCK_BOOTTIME jumps ahead of CLOCK_MONOTONIC, as it does over a suspend (clock_gettime(2)).
"""

from __future__ import annotations

import signal
import sys
import time

from common.runtime.supervisor import launch

SLEEP_NS = 3_600_000_000_000

_clock_gettime_ns = time.clock_gettime_ns
_sleeps: list[int] = []  # ns


def clock_gettime_ns(clock: int) -> int:
    return _clock_gettime_ns(clock) + (sum(_sleeps) if clock == time.CLOCK_BOOTTIME else 0)


if __name__ == "__main__":
    time.clock_gettime_ns = clock_gettime_ns
    signal.signal(signal.SIGUSR1, lambda signum, frame: _sleeps.append(SLEEP_NS))
    stage = sys.argv.pop(1)
    launch(stage, "display.relay" if stage == "relay" else "")
