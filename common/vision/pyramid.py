"""A picture at a half, a quarter and so on of its size, each made once for whoever needs it."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage


class Halves:
    """Of one picture (H, W, 3) uint8 BGR, which must not change while this is used.

    By area means, one half from the other: a picture reduced at once takes three times as long, and ten times by a factor
    that is not whole. So whoever wants another size takes the half that is hardly larger, and the rest bilinearly.
    """

    def __init__(self, picture: BgrImage) -> None:
        self._levels = [picture]

    @property
    def picture(self) -> BgrImage:
        """As it came."""
        return self._levels[0]

    def at_least(self, width: float, height: float) -> BgrImage:
        """The smallest that is no smaller than this; the picture itself where that is smaller."""
        wide, high, times = self.picture.shape[1] / 2, self.picture.shape[0] / 2, 0
        while wide >= max(width, 1) and high >= max(height, 1):
            wide, high, times = wide / 2, high / 2, times + 1
        return self[times]

    def __getitem__(self, times: int) -> BgrImage:
        """Halved so many times; an odd side is rounded."""
        while len(self._levels) <= times:
            half = cv2.resize(self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, np.uint8))
        return self._levels[times]
