"""What one look at a frame of a recording found: who is the subject, and where everybody is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import cv2
import numpy as np

from common.ipc.messages import MasksInferred
from common.ipc.records import Instance
from common.vision.arrays import SoftMask
from common.vision.grid import likely_on_grid, on_grid
from compose.who.look_maps import EVEN_PROBABILITY, LookMaps, union
from compose.who.others import coverage
from compose.who.subject import SAME_BODY, is_somebody


class Outcome(Enum):
    """Whether a look found the subject."""

    FOUND = auto()
    MISSED = auto()  # it did not, but a look before and one soon after did: the subject was there meanwhile
    LOST = auto()


@dataclass
class Look:
    """A look at one frame.

    result: Everything that was found.
    outcome: MISSED becomes LOST where no look found the subject soon enough after it.
    subjects: Who stays sharp, and what they hold.
    maps: Where everybody is. Where the subject was missed, `others` are those who are not the subject for certain.
    is_same: The subject is the same person as in the look before.
    reason: Why nobody stays sharp, "" if somebody does.
    doubt: What a person should check here, "" for nothing.
    coverage: Share of the subject's certain area that the matte takes for a person, 0..1; None until it was run.
    """

    result: MasksInferred
    outcome: Outcome
    subjects: tuple[Instance, ...]
    maps: LookMaps
    is_same: bool = True
    reason: str = ""
    doubt: str = ""
    coverage: float | None = None

    @property
    def strangers(self) -> list[Instance]:
        """The people and the signs of people who do not stay sharp."""
        return [i for i in self.result.instances if is_somebody(i) and not any(i is s for s in self.subjects)]

    @property
    def others(self) -> list[Instance]:
        """The strangers, without second detections of the subject or of a part of it."""
        mine = self.maps.subject
        wh = mine.shape[1], mine.shape[0]
        return [i for i in self.strangers if coverage(on_grid(i, wh, EVEN_PROBABILITY), mine) < SAME_BODY]

    def likely_subject(self) -> SoftMask:
        """Return the probability of the subject on the grid, (h, w) uint8."""
        return self._likely(self.subjects)

    def likely_others(self) -> SoftMask:
        """Return the probability of anybody else on the grid, (h, w) uint8."""
        if self.outcome is Outcome.MISSED:  # one of them is the subject
            return np.asarray(cv2.max(self.maps.others, self.maps.signs), np.uint8)
        return self._likely(self.strangers)

    def _likely(self, instances: Iterable[Instance]) -> SoftMask:
        wh = self.maps.others.shape[1], self.maps.others.shape[0]
        return union((likely_on_grid(i, wh) for i in instances), wh)
