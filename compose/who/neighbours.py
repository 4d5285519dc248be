"""Find out from results whether somebody is beside the subject, or may be hidden behind it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.who.others import are_adjacent, sides

BESIDE = 12  # grid pixels: somebody who is nearer may go behind the subject before the next result
# shares of the largest area that results found of others. Below FOUND, the missing part may be hidden behind the subject or
# assigned to it; from WHOLE on, nothing is missing
FOUND, WHOLE = 0.6, 0.95
BEHIND_NS = 3_000_000_000  # somebody may stay hidden for so long
QUIET_NS = 500_000_000  # results must find enough of others again for so long
LONG_AGO_NS = -(2**62)


class Near(NamedTuple):
    """Who is near the subject.

    beside: Somebody stands beside it whom the result did not find whole.
    hidden: Somebody may be hidden behind it.
    """

    beside: bool
    hidden: bool


class Neighbours:
    """Follows the area that results find of other people, and how near it is to the subject.

    This area shrinks beside the subject when somebody goes behind the subject or is assigned to it. It shrinks at a side of the
    picture when somebody leaves there.
    """

    def __init__(self) -> None:
        # grid pixels of others and signs: the largest area that counts, and the area in the last result
        self._most = self._found = 0
        self._beside = False
        self._is_hidden = False  # somebody may be, as of the last result
        self._beside_ns = self._hidden_until_ns = LONG_AGO_NS

    @property
    def most(self) -> int:
        """Grid pixels of others and signs: the largest area that results found, unless they have left since."""
        return self._most

    def update(self, now_ns: int, subject: SoftMask, others: SoftMask, signs: SoftMask) -> Near:
        """Take a result that found the subject, and return who is near.

        Args:
            now_ns: When the result's frame was captured.
            subject: (h, w) uint8, 255 where the subject is.
            others: 255 where others are.
            signs: 255 where there are signs of somebody. A sign in one result alone may be an error.
        """
        sure, others = cv2.countNonZero(others), np.asarray(cv2.max(others, signs), np.uint8)
        was_beside, self._beside = self._beside, are_adjacent(subject, others, BESIDE)
        if was_beside or self._beside:
            self._beside_ns = now_ns
        found, before = cv2.countNonZero(others), self._found
        self._found, self._most = found, max(self._most, sure, min(found, before))
        if found < FOUND * self._most:
            # this does not depend on the time since the last result, which may exceed QUIET_NS on a busy machine
            waits = self._is_hidden and now_ns - self._beside_ns <= BEHIND_NS
            if not sides(others) and (self._beside_ns == now_ns or waits):
                self._hidden_until_ns = now_ns + QUIET_NS
            else:
                self._most = found  # they left at a side or far from the subject, or have been away for long
        self._is_hidden = now_ns < self._hidden_until_ns
        return Near(self._beside and found < WHOLE * self._most, self._is_hidden)
