"""Bodies and faces that are made up, on the grid of a picture of 16:9."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from common.vision.arrays import Mask
from infer.embedded.outline import Pose
from infer.embedded.people import Face, LoneFace, Person, lone_face_of, person_of

GRID_WH = (320, 180)
SHAPE = GRID_WH[::-1]


def pose_at(x: float, y: float, size: float = 40.0, visible: float = 0.0) -> Pose:
    """Somebody upright who looks into the camera, the middle of the face at x, y, shoulders as wide as `size`; arms and
    legs hang down, as likely seen as said."""
    points = np.zeros((33, 2))
    points[:11] = (x, y)
    points[7], points[8] = (x + size / 5, y), (x - size / 5, y)
    points[9], points[10] = (x + size / 20, y + size / 6), (x - size / 20, y + size / 6)
    points[0] = (x, y + size / 20)
    for left, right, down in ((11, 12, 0.6), (23, 24, 1.8), (25, 26, 2.6), (27, 28, 3.4), (31, 32, 3.5)):
        points[left], points[right] = (x + size / 2, y + down * size), (x - size / 2, y + down * size)
    for k, down in enumerate((1.2, 1.8, 2.0, 2.0, 2.0)):
        points[13 + 2 * k], points[14 + 2 * k] = (x + size, y + down * size), (x - size, y + down * size)
    return Pose(points, np.full(33, visible, np.float32))


def box(x0: int, y0: int, x1: int, y1: int) -> Mask:
    """(180, 320) bool, a half-open rectangle."""
    mask = np.zeros(SHAPE, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def likely(mask: Mask, how: float = 0.9) -> np.ndarray:
    """(180, 320) float32: as likely as said inside a mask, 0 outside."""
    return np.where(mask, np.float32(how), np.float32(0))


def person_at(x: float, mask: Mask, how: float = 0.9, size: float = 40.0, has_face: bool = True) -> Person:
    """Somebody whose face is at x, 60, with a mask of their own."""
    return replace(person_of(pose_at(x, 60, size), likely(mask, how), 0.9), has_face=has_face)


def face_at(x: float, y: float = 60.0, width: float = 20.0, score: float = 0.9) -> LoneFace:
    """A face that belongs to nobody."""
    return lone_face_of(Face(score, np.array([x, y]), width), GRID_WH)
