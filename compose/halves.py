"""A picture at a half, a quarter and so on of its size, each made once for whoever needs it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


class Halves:
    """Of one picture (H, W, 3) uint8 BGR, which must not change while this is used.

    By area means, one half from the other: a picture reduced at once takes three times as long.
    """

    def __init__(self, picture: Picture) -> None:
        self._levels = [picture]

    @property
    def picture(self) -> Picture:
        """As it came."""
        return self._levels[0]

    def __getitem__(self, times: int) -> Picture:
        """Halved so many times; an odd side is rounded."""
        while len(self._levels) <= times:
            half = cv2.resize(self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, np.uint8))
        return self._levels[times]
