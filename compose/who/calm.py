"""Know where nothing has moved for long and looks find nobody: there the matte may be wrong, as on a floor or a book. Pure.

Somebody who breathes, reads or listens moves within such a time by more than what the comparison leaves to noise. They are compared
with what was there when the time began, so that slow motion counts as well.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask
from compose.who.change import changed
from compose.who.light import gain_between, in_light
from compose.who.region_state import dilated

CALM_NS = 10_000_000_000  # looks must have found nobody, and nothing may have moved, for so long
BESIDE = 8  # grid pixels, 1/18 of the height: what moves so near to a mark may belong to it, as a head to a body


class Calm(NamedTuple):
    """What is known of each cell of the grid, by looks alone.

    picture: (h, w, 3) uint8, what it looked like when the time began, in the light of the last look.
    since_ns: (h, w) int64, since when looks have found nobody there and nothing has moved; 0 if that is not so.
    """

    picture: BgrImage
    since_ns: NDArray[np.int64]

    @property
    def known(self) -> SoftMask:
        """255 where looks find nobody, and nothing has moved, for however short a time."""
        return np.where(self.since_ns > 0, 255, 0).astype(np.uint8)

    def after(
        self,
        look: BgrImage,
        now_ns: int,
        *,
        vacant: NDArray[np.bool_],
        covered: NDArray[np.bool_],
        disturbed: NDArray[np.bool_],
    ) -> Calm:
        """Return what is known after one more look.

        Args:
            look: (h, w, 3) uint8, its picture, smoothed.
            now_ns: Capture time of its frame.
            vacant: (h, w), where it proves that nobody is.
            covered: Where the subject may be; there nothing is compared, and what was known stays.
            disturbed: Where it finds somebody, or something has moved in any frame since the look before.
        """
        moved = (changed(self.picture, look, self.known) > 0) & ~covered
        broken = disturbed | moved | (self.since_ns == 0)
        begins = broken & vacant
        even = in_light(self.picture, gain_between(self.picture, look, self.known))
        return Calm(
            np.where(begins[..., None], look, even),
            np.where(begins, now_ns, np.where(broken, 0, self.since_ns)),
        )

    def doubted(self, marks: SoftMask, moved: SoftMask, now_ns: int) -> SoftMask:
        """Return the marks of the matte without those that are calm as a whole, and beside which it is calm, (h, w) uint8.

        Args:
            marks: (h, w) uint8, 255 where it finds somebody.
            moved: Not 0 where something has moved since the last look.
            now_ns: Capture time of that look.
        """
        if not marks.any():
            return marks
        restless = (self.since_ns == 0) | (now_ns - self.since_ns < CALM_NS) | (moved > 0)
        count, labels = cv2.connectedComponents(marks, connectivity=8, ltype=cv2.CV_32S)
        counts = np.zeros(count, np.uint8)
        counts[labels[dilated(np.where(restless, 255, 0).astype(np.uint8), BESIDE) > 0]] = 255
        counts[0] = 0
        return np.asarray(counts[labels], np.uint8)
