"""Who is near the subject, from result to result: somebody beside it, or somebody who may be out of sight behind it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.who.others import beside, sides

BESIDE = 12  # grid pixels: who is nearer may go behind the subject until the next result
# of the most that results found of others: what is missing of less may be behind the subject, or taken for the subject
FOUND, WHOLE = 0.6, 0.95
BEHIND_FRAMES = 90  # so long somebody may stay there: three seconds at 30 a second
QUIET_FRAMES = 15  # so long results must find enough of others again: half a second


class Near(NamedTuple):
    """Whether somebody stands beside the subject whom the result did not find whole, and whether somebody may be hidden
    behind it."""

    beside: bool
    hidden: bool


class Neighbours:
    """Follows how much of others results find, and how near it is.

    Whoever goes behind the subject gets smaller while beside it; so does who is taken for a part of the subject. Whoever
    leaves by a side of the picture gets smaller there.
    """

    def __init__(self) -> None:
        # grid pixels of others and signs: the most that counts, and what the last result found
        self._most = self._found = 0
        self._beside = False
        self._is_hidden = False  # somebody may be, as of the last result
        self._beside_id = self._hidden_until = -1  # frame_id

    def see(self, frame_id: int, subject: SoftMask, others: SoftMask, signs: SoftMask) -> Near:
        """Say who is near in a result that found the subject.

        Args:
            frame_id: Of the result's frame.
            subject: (h, w) uint8, 255 where the subject is.
            others: 255 where others are.
            signs: 255 where there are signs of somebody. What one result alone found of them was perhaps nobody.
        """
        sure, others = cv2.countNonZero(others), np.asarray(cv2.max(others, signs), np.uint8)
        was_beside, self._beside = self._beside, beside(subject, others, BESIDE)
        if was_beside or self._beside:
            self._beside_id = frame_id
        found, before = cv2.countNonZero(others), self._found
        self._found, self._most = found, max(self._most, sure, min(found, before))
        if found < FOUND * self._most:
            # however long the last result is ago: on a busy machine that may be longer than QUIET_FRAMES
            waits = self._is_hidden and frame_id - self._beside_id <= BEHIND_FRAMES
            if not sides(others) and (self._beside_id == frame_id or waits):
                self._hidden_until = frame_id + QUIET_FRAMES
            else:
                self._most = found  # they left by a side, or far from the subject, or stayed away for long
        self._is_hidden = frame_id < self._hidden_until
        return Near(self._beside and found < WHOLE * self._most, self._is_hidden)
