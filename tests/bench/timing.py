"""Times several things in turn, so that a machine that slows down slows all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def medians_us(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median microseconds of each."""
    taken: dict[str, list[int]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, call in work.items():
            begun = time.perf_counter_ns()
            call()
            taken[name].append(time.perf_counter_ns() - begun)
    return {name: float(np.median(times)) / 1e3 for name, times in taken.items()}
