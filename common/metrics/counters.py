"""Counts what a process lost or refused, by subject and cause. Loss is normal, but it must be counted."""

from __future__ import annotations

import logging
import time
from collections import Counter

from common.metrics.metrics import metrics

LOG_INTERVAL_S = 10.0


class Counters:
    """Count events such as ("frame", "lapped").

    Each kind of event is logged when it first happens, and then at most every ten seconds with its total: a broken peer
    cannot fill the log.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._totals: Counter[tuple[str, str]] = Counter()
        self._logged_at: dict[tuple[str, str], float] = {}

    def count(self, what: str, cause: str, detail: str = "", number: int = 1) -> None:
        """Count `number` events. `detail` is added to the log line."""
        key = (what, cause)
        self._totals[key] += number
        metrics.count("dropped", number, what=what, cause=cause)
        now = time.monotonic()
        if now - self._logged_at.get(key, -LOG_INTERVAL_S) >= LOG_INTERVAL_S:
            self._logged_at[key] = now
            suffix = f": {detail}" if detail else ""
            self._log.info("%s dropped, %s (%d so far)%s", what, cause, self._totals[key], suffix)

    def __str__(self) -> str:
        return ", ".join(f"{what} {cause} {number}" for (what, cause), number in sorted(self._totals.items()))
