"""Limits on time that grow with what else the machine does: its slowdown is measured beside what is limited."""

from __future__ import annotations

import time

SPIN_S = 0.1
NEVER_TOO_LONG_S = 1.0  # no limit is lower, so what took less need not be weighed


def slowdown() -> float:
    """Return how many seconds pass while this thread works for one, at least 1: 1 on an idle machine."""
    began, worked_until = time.perf_counter(), time.thread_time() + SPIN_S
    while time.thread_time() < worked_until:
        continue
    return max(1.0, (time.perf_counter() - began) / SPIN_S)


def as_if_idle(took_s: float) -> float:
    """Return how many seconds something that has just taken `took_s` would have taken on an idle machine."""
    return took_s if took_s < NEVER_TOO_LONG_S else took_s / slowdown()
