"""What was lost or refused, by subject and cause; loss is normal, loss without a count is not."""

from __future__ import annotations

import logging
import time
from collections import Counter

from common.metrics.metrics import figures

SAY_AGAIN_S = 10.0


class Counters:
    """Counts events such as ("frame", "lapped") and says each in the log once, then with its total at most every
    ten seconds, so that a broken peer cannot fill the log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._totals: Counter[tuple[str, str]] = Counter()
        self._said_at: dict[tuple[str, str], float] = {}

    def count(self, what: str, cause: str, detail: str = "", number: int = 1) -> None:
        """Count `number` events; `detail` is shown in the log when it is said."""
        key = (what, cause)
        self._totals[key] += number
        figures.count("dropped", number, what=what, cause=cause)
        now = time.monotonic()
        if now - self._said_at.get(key, -SAY_AGAIN_S) >= SAY_AGAIN_S:
            self._said_at[key] = now
            suffix = f": {detail}" if detail else ""
            self._log.info("%s dropped, %s (%d so far)%s", what, cause, self._totals[key], suffix)

    def __str__(self) -> str:
        return ", ".join(f"{what} {cause} {number}" for (what, cause), number in sorted(self._totals.items()))
