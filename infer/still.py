"""Whether anything has moved since the frame that was looked at last: where nothing has, its result still holds.

Told from the picture reduced to cells of area means, which takes the sensor's noise away (5 grey levels of a pixel are 0.6 of
an 8 x 8 cell) and leaves whatever moves: one cell that has changed is motion. It is always the frame last *looked at* that
is compared with, so slow motion adds up and is seen.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.halves import Halves
from common.messages import Instance

Picture = NDArray[np.uint8]

CELLS_WH = (160, 90)
# grey levels of any colour of any cell. In the shared empty room, heavily compressed, nobody there changes cells by 3 to 9
# from frame to frame, somebody who stands there by 5 to 40, somebody who comes by over 40
MOVED = 6
LOOK_AGAIN_NS = 500_000_000  # what was overlooked is not overlooked for longer
SAY_AGAIN_NS = 100_000_000  # as often as a Mask R-CNN would: no mask gets older for it


class Glance(NamedTuple):
    """What is compared of a frame.

    cells: (90, 160, 3) uint8, see cells_of.
    stream: Epoch and shape; another stream has nothing to do with this one.
    captured_ns: Of the frame.
    """

    cells: Picture
    stream: tuple[int, tuple[int, ...]]
    captured_ns: int


def glance_at(picture: Picture, epoch: int, captured_ns: int) -> Glance:
    """A glance at a frame, (H, W, 3) uint8 BGR."""
    return Glance(cells_of(picture), (epoch, picture.shape), captured_ns)


class Still:
    """One result, and for how long it holds."""

    def __init__(self) -> None:
        self._looked: Glance | None = None
        self._said_ns = 0
        self.instances: tuple[Instance, ...] = ()

    def holds(self, now: Glance) -> bool:
        """Whether `instances` are those of this frame too."""
        last = self._looked
        if last is None or last.stream != now.stream or now.captured_ns - last.captured_ns > LOOK_AGAIN_NS:
            return False
        return int(cv2.absdiff(now.cells, last.cells).max()) <= MOVED

    def keep(self, now: Glance, instances: tuple[Instance, ...]) -> None:
        """This frame was looked at, and these were found."""
        self._looked, self._said_ns, self.instances = now, now.captured_ns, instances

    def is_to_be_said(self, captured_ns: int) -> bool:
        """Whether it is time to say of this frame, too, that the result holds; then it counts as said."""
        if captured_ns - self._said_ns < SAY_AGAIN_NS:
            return False
        self._said_ns = captured_ns
        return True


def cells_of(picture: Picture) -> Picture:
    """(90, 160, 3) uint8: means over the cells of a picture (H, W, 3) uint8."""
    half = Halves(picture).at_least(*CELLS_WH)
    return np.asarray(cv2.resize(half, CELLS_WH, interpolation=cv2.INTER_AREA), np.uint8)
