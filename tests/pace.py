"""Limits on time that grow with what else the machine does: its slowdown is measured beside what is limited."""

from __future__ import annotations

import subprocess
import sys

NEVER_TOO_LONG_S = 1.0  # no limit is lower, so what took less need not be weighed
WORK = """
import time
began, worked_until = time.perf_counter(), time.thread_time() + 0.1
while time.thread_time() < worked_until:
    continue
print((time.perf_counter() - began) / 0.1)
"""


def slowdown() -> float:
    """Return how many seconds pass while a process works for one, at least 1: 1 on an idle machine.

    Another process works for that: in this one other threads of the test may hold the interpreter's lock.
    """
    command = [sys.executable, "-I", "-S", "-c", WORK]
    return max(1.0, float(subprocess.run(command, capture_output=True, check=True).stdout))


def as_if_idle(took_s: float) -> float:
    """Return how many seconds something that has just taken `took_s` would have taken on an idle machine."""
    return took_s if took_s < NEVER_TOO_LONG_S else took_s / slowdown()
