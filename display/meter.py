"""Measures the rate and delay of the pictures shown lately. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from common.ipc.messages import EVERYBODY, FrameComposed

WINDOW_S = 5.0


class Reading(NamedTuple):
    """Measurements of the last WINDOW_S: pictures a second, and times in ms. `mask_age_ms` is None if no mask was used."""

    rate: float
    latency_p50_ms: float
    latency_p99_ms: float
    mask_age_ms: float | None


class Meter:
    """Collects when pictures were captured and shown, and counts those that were missed."""

    def __init__(self) -> None:
        self._shown: deque[tuple[int, float, float]] = deque()
        self._last: tuple[int, int] | None = None
        self.shown = 0
        self.missed = 0

    def add(self, message: FrameComposed, shown_ns: int) -> None:
        """Record that a picture was shown at `shown_ns` (CLOCK_MONOTONIC)."""
        if self._last is not None and self._last[0] == message.frame.epoch:
            self.missed += max(0, message.frame.frame_id - self._last[1] - 1)
        self._last = (message.frame.epoch, message.frame.frame_id)
        self.shown += 1
        self._shown.append((shown_ns, (shown_ns - message.frame.captured_ns) / 1e6, message.mask_age_ms))
        while shown_ns - self._shown[0][0] > WINDOW_S * 1e9:
            self._shown.popleft()

    def read(self) -> Reading:
        """Return the measurements of the last WINDOW_S; zeros if nothing was shown."""
        if not self._shown:
            return Reading(0.0, 0.0, 0.0, None)
        span_s = (self._shown[-1][0] - self._shown[0][0]) / 1e9
        p50, p99 = (float(v) for v in np.percentile([delay for _, delay, _ in self._shown], [50, 99]))
        age_ms = self._shown[-1][2]
        rate = (len(self._shown) - 1) / span_s if span_s else 0.0
        return Reading(rate, p50, p99, age_ms if age_ms >= 0 else None)


def describe(message: FrameComposed, reading: Reading) -> str:
    """Return one line for a caption or a log, the state first: where there is little room, the end is cut."""
    word = "everybody is shown" if message.state == EVERYBODY else message.state
    state = word if not message.reason else f"{word}: {message.reason}"
    age = "no mask" if reading.mask_age_ms is None else f"mask {reading.mask_age_ms:.0f} ms old"
    return (
        f"{state}; {reading.rate:.1f} pictures a second, {age}, "
        f"{reading.latency_p50_ms:.0f} ms behind (99 of 100 within {reading.latency_p99_ms:.0f})"
    )
