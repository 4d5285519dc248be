"""Whether the subject may be seen: hidden unless there is a fresh mask of this very stream. Pure.

state      meaning                                                            left when
starting   no result has come yet: the whole picture is hidden                a result comes
live       a fresh mask holds the subject                                     it ages, or holds nobody any more
hidden     the whole picture is hidden, for a reason that is shown            a usable mask comes
off        somebody turned the filter off: the camera's own picture is shown  somebody turns it on
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from common.messages import Instance, MasksInferred
from compose.subject import most_confident_person


class State(StrEnum):
    """What a viewer sees."""

    STARTING = "starting"
    LIVE = "live"
    HIDDEN = "hidden"
    OFF = "off"


class Verdict(NamedTuple):
    """What may be shown of one frame, and why. `subject` is set in the state LIVE only."""

    state: State
    reason: str
    mask_age_ms: float
    subject: Instance | None


class Policy:
    """Fail closed: without a fresh mask of the current epoch that holds the subject, everything is hidden.

    Args:
        confidence: Least score of a subject, 0..1.
        max_mask_age_ms: A mask older than this shows nobody.
    """

    def __init__(self, confidence: float, max_mask_age_ms: float) -> None:
        self._confidence = confidence
        self._max_age_ms = max_mask_age_ms
        self._masks: MasksInferred | None = None
        self._subject: Instance | None = None
        self._started = False
        self.privacy = True

    def accept(self, masks: MasksInferred, epoch: int, now_ns: int) -> str:
        """Take a result in. Returns "" or why it was refused."""
        if masks.epoch != epoch:
            return "of another epoch"
        if masks.captured_ns > now_ns:
            return "from the future"
        if self._masks is not None and self._masks.epoch == epoch and masks.frame_id <= self._masks.frame_id:
            return "out of order"
        self._started = True
        self._masks = masks
        self._subject = most_confident_person(masks.instances, self._confidence)
        return ""

    def set_privacy(self, on: bool) -> None:
        """Turn the filter on or off; on again, it starts closed: old masks are forgotten."""
        if on and not self.privacy:
            self._masks = self._subject = None
        self.privacy = on

    def judge(self, epoch: int, now_ns: int) -> Verdict:
        """What may be shown of a frame of `epoch` at `now_ns` (CLOCK_MONOTONIC)."""
        masks = self._masks if self._masks is not None and self._masks.epoch == epoch else None
        age_ms = (now_ns - masks.captured_ns) / 1e6 if masks else -1.0
        if not self.privacy:
            return Verdict(State.OFF, "turned off by hand", age_ms, None)
        if masks is None:
            reason = "no mask of this stream yet"
        elif age_ms > self._max_age_ms:
            reason = f"mask older than {self._max_age_ms:.0f} ms"
        elif self._subject is None:
            reason = "nobody found"
        else:
            return Verdict(State.LIVE, "", age_ms, self._subject)
        return Verdict(State.HIDDEN if self._started else State.STARTING, reason, age_ms, None)
