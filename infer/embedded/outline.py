"""Draws where a person is, from landmarks or from a face alone, and measures the distance of each cell from there. Pure.

Limbs are drawn as thick lines, the trunk as a quadrilateral, the head as a circle. All widths are shares of a person's
size, chosen so that the drawing is inside the person. Clothes and hair extend beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import FloatMap, Mask, SoftMask
from infer.embedded.view import Points

SHIFT = 2  # cv2 draws in quarters of a cell
FAR = 5000.0  # cells: coordinates are clipped to this
# landmarks of BlazePose
NOSE, EARS, MOUTH, SHOULDERS, HIPS = 0, (7, 8), (9, 10), (11, 12), (23, 24)
FACE = slice(0, 11)
LIMBS = (
    (11, 13), (13, 15), (15, 19), (12, 14), (14, 16), (16, 20),
    (23, 25), (25, 27), (27, 31), (24, 26), (26, 28), (28, 32),
)  # fmt: skip
TRUNK = ((11, 12), (11, 23), (12, 24))
VISIBLE = 0.3  # limbs with a lower probability are not drawn
LIMB_WIDE, TRUNK_WIDE, NECK_WIDE = 0.22, 0.25, 0.35  # of the size
HEAD_WIDER = 1.15


class Outline(NamedTuple):
    """Where a person certainly is, on a grid.

    core: (h, w) bool, the drawn body.
    distance: (h, w) float32, cells from the core, 0 inside.
    size: Cells, about the width of the shoulders.
    """

    core: Mask
    distance: FloatMap
    size: float


class Pose(NamedTuple):
    """The landmarks of a body.

    landmarks: (33, 2), in cells.
    visible: (33,), probability of each to be visible, 0..1.
    """

    landmarks: Points
    visible: NDArray[np.float32]

    @property
    def head(self) -> Points:
        """The point between the ears."""
        return np.asarray(self.landmarks[list(EARS)].mean(0))

    @property
    def face(self) -> Points:
        """The middle of eyes, nose, mouth and ears."""
        return np.asarray(self.landmarks[FACE].mean(0))

    @property
    def neck(self) -> Points:
        """The point between the shoulders."""
        return np.asarray(self.landmarks[list(SHOULDERS)].mean(0))

    @property
    def head_radius(self) -> float:
        """Estimated from the ears, from the nose in a profile, or from the distance of mouth and shoulders; in cells."""
        ears = distance_between(*self.landmarks[list(EARS)])
        return max(0.75 * ears, 1.1 * distance_between(self.landmarks[NOSE], self.head), 0.6 * self._mouth_to_neck, 1.0)

    @property
    def size(self) -> float:
        """About the width of the shoulders in cells, also if the person is turned sideways."""
        shoulders = distance_between(*self.landmarks[list(SHOULDERS)])
        ears = 0.75 * distance_between(*self.landmarks[list(EARS)])
        profile = 1.1 * distance_between(self.landmarks[NOSE], self.head)
        return max(shoulders, 1.5 * self._mouth_to_neck, 2 * ears, 2 * profile, 2.0)

    @property
    def _mouth_to_neck(self) -> float:
        return distance_between(self.landmarks[list(MOUTH)].mean(0), self.neck)


def outline_of_pose(pose: Pose, grid_wh: tuple[int, int]) -> Outline:
    """Return the outline of a body."""
    free, points, size = _free(grid_wh), pose.landmarks, pose.size
    for a, b in LIMBS:
        if min(pose.visible[a], pose.visible[b]) > VISIBLE:
            _line(free, points[a], points[b], LIMB_WIDE * size)
    for a, b in TRUNK:
        _line(free, points[a], points[b], TRUNK_WIDE * size)
    _fill(free, points[[SHOULDERS[0], SHOULDERS[1], HIPS[1], HIPS[0]]])
    _line(free, pose.head, pose.neck, NECK_WIDE * size)
    _circle(free, 0.6 * pose.head + 0.4 * pose.face, HEAD_WIDER * pose.head_radius)
    return _measured(free, size)


def outline_of_face(middle: Points, width: float, grid_wh: tuple[int, int]) -> Outline:
    """Return the outline of a person of whom only a face is known: head, neck, shoulders and trunk.

    Args:
        middle: Middle of the face, in cells.
        width: Width of the face, in cells.
        grid_wh: Columns and rows of the grid.
    """
    free = _free(grid_wh)
    _head(free, middle, width)
    half = np.array([(0.4, 0.5), (1.3, 1.3), (1.2, 5.0)])
    _fill(free, middle + width * np.concatenate([half, half[::-1] * (-1, 1)]))
    return _measured(free, 2.2 * width)


def head_of_face(middle: Points, width: float, grid_wh: tuple[int, int]) -> Mask:
    """Return (h, w) bool, the head of a face. The arguments are those of `outline_of_face`."""
    free = _free(grid_wh)
    _head(free, middle, width)
    return np.asarray(free == 0)


def _measured(free: SoftMask, size: float) -> Outline:
    core = free == 0
    if not core.any():  # OpenCV measures no distance to an empty area
        return Outline(core, np.full(core.shape, FAR, np.float32), size)
    return Outline(core, np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 3), np.float32), size)


def _free(grid_wh: tuple[int, int]) -> SoftMask:
    return np.full(grid_wh[::-1], 255, np.uint8)


def _line(free: SoftMask, a: Points, b: Points, width: float) -> None:
    start, end = _quarters([a, b])
    cv2.line(free, start, end, 0, max(1, int(width)), shift=SHIFT)


def _circle(free: SoftMask, middle: Points, radius: float) -> None:
    cv2.circle(free, _quarters([middle])[0], int(min(radius, FAR) * 2**SHIFT), 0, cv2.FILLED, shift=SHIFT)


def _fill(free: SoftMask, corners: Points) -> None:
    cv2.fillPoly(free, [np.array(_quarters(corners), np.int32)], 0, shift=SHIFT)


def _quarters(points: Iterable[Points]) -> list[tuple[int, int]]:
    """Convert points to quarters of a cell, as cv2 draws with SHIFT. The middle of the first cell is at 0.5."""
    drawn = np.rint((np.clip(np.asarray(points), -FAR, FAR) - 0.5) * 2**SHIFT).astype(int)
    return [(int(x), int(y)) for x, y in drawn]


def _head(free: SoftMask, middle: Points, width: float) -> None:
    _circle(free, middle - (0, 0.15 * width), 0.75 * width)


def distance_between(a: Points, b: Points) -> float:
    """Return the distance of two points."""
    return float(np.hypot(*(a - b)))
