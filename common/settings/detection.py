"""Settings that infer and compose share: which detections count, and how old a mask may be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.settings.base import Settings, setting
from common.settings.validators import float_range

MASK_AGE_MS = 750
MASK_AGE_ALONE_MS = 2000  # while one person alone is followed (compose/who/alone.py)


def mask_age(text: str) -> int:
    """Return an age of 50..10000 milliseconds, or 0."""
    value = int(text) if re.fullmatch(r"\d{1,5}", text) else -1
    if value != 0 and not 50 <= value <= 10000:
        raise ValueError("a whole number 50..10000, or 0")
    return value


def infer_rate(text: str) -> float:
    """Return a rate of 0.2..240 a second, or 0. With a lower rate no mask would last until the next one."""
    try:
        value = float_range(0, 240)(text)
    except ValueError:
        value = -1.0
    if value != 0 and value < 0.2:
        raise ValueError("a number 0.2..240, or 0")
    return value


@dataclass(frozen=True)
class DetectionSettings(Settings):
    """Which detections count, and how old a mask may be."""

    confidence: float = setting(0.5, float_range(0, 1), "least probability of a detection", short="-c")
    threshold: float = setting(0.3, float_range(0, 1), "least probability of a pixel in a mask", short="-t")
    max_infer_hz: float = setting(0.0, infer_rate, "highest rate of one worker, frames a second; 0: as many as it can")
    max_mask_age: int = setting(
        0,
        mask_age,
        "age in milliseconds from which a mask shows nobody; "
        f"0: {MASK_AGE_MS}, or {MASK_AGE_ALONE_MS} while one person alone is followed, and --max-infer-hz adds its interval",
    )

    @property
    def mask_age_limit_ms(self) -> float:
        """The age from which a mask shows nobody. Results that are made rare on purpose may be that much older."""
        if self.max_mask_age:
            return self.max_mask_age
        return MASK_AGE_MS + (1000 / self.max_infer_hz if self.max_infer_hz else 0)
