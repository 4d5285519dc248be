"""Whether anything has moved since the frame that was looked at last: where nothing has, its result still holds.

Told from the picture reduced to cells of area means, which takes the sensor's noise away (5 grey levels of a pixel are 0.6 of
an 8 x 8 cell) and leaves whatever moves: one cell that has changed is motion. It is always the frame last *looked at* that
is compared with, so slow motion adds up and is seen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.messages import Instance

Picture = NDArray[np.uint8]

CELLS_WH = (160, 90)
FAR_WIDER = 3  # times as wide as the cells: halved first, a mean over fractions of pixels takes ten times as long
# grey levels of any colour of any cell. In the shared empty room, heavily compressed, nobody there changes cells by 3 to 9
# from frame to frame, somebody who stands there by 5 to 40, somebody who comes by over 40
MOVED = 6
LOOK_AGAIN_NS = 500_000_000  # what was overlooked is not overlooked for longer
SAY_AGAIN_NS = 200_000_000  # well before a mask is too old


class Still:
    """One result, and for how long it holds."""

    def __init__(self) -> None:
        self._cells: Picture | None = None
        self._of = (0, (0, 0, 0))  # epoch and shape
        self._looked_ns = self._said_ns = 0
        self.instances: tuple[Instance, ...] = ()

    def holds(self, picture: Picture, epoch: int, captured_ns: int) -> bool:
        """Whether `instances` are those of this frame too.

        Args:
            picture: (H, W, 3) uint8 BGR.
            epoch: Of the frame; another stream has nothing to do with this one.
            captured_ns: Of the frame.
        """
        if self._cells is None or self._of != (epoch, picture.shape) or captured_ns - self._looked_ns > LOOK_AGAIN_NS:
            return False
        return int(cv2.absdiff(cells_of(picture), self._cells).max()) <= MOVED

    def keep(self, picture: Picture, epoch: int, captured_ns: int, instances: tuple[Instance, ...]) -> None:
        """This frame was looked at, and these were found."""
        self._cells, self._of = cells_of(picture), (epoch, picture.shape)
        self._looked_ns = self._said_ns = captured_ns
        self.instances = instances

    def is_to_be_said(self, captured_ns: int) -> bool:
        """Whether it is time to say of this frame, too, that the result holds; then it counts as said."""
        if captured_ns - self._said_ns < SAY_AGAIN_NS:
            return False
        self._said_ns = captured_ns
        return True


def cells_of(picture: Picture) -> Picture:
    """(90, 160, 3) uint8: means over the cells of a picture (H, W, 3) uint8."""
    while picture.shape[1] >= FAR_WIDER * CELLS_WH[0] and picture.shape[0] >= FAR_WIDER * CELLS_WH[1]:
        picture = np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(picture, CELLS_WH, interpolation=cv2.INTER_AREA), np.uint8)
