"""What speaks for somebody in a picture: a body with its outline and mask, or a face alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import Mask
from infer.embedded.outline import Outline, Pose, apart, of_face, of_head, of_pose
from infer.embedded.view import Points

SAME_BODY = 0.6  # of the larger size: two bodies whose heads and necks are that near are one
FITS = 0.35  # of a face's width: the landmarks of one person are off by 0.07 to 0.27, those of a mixture by more
SAME_FACE = 0.6  # of a face's width: the face of a body whose own landmarks put it that near, or two faces
SAME_HEAD = 0.5  # of a face's width: the face of a body between whose ears it is
SURE_FACE = 0.6  # score from which a face is somebody, wherever it is
BELOW_NECK = 0.25  # of the size: hands and prints on clothes that pass for faces are at least so far below


@dataclass(frozen=True, slots=True)
class Face:
    """A face: score 0..1, middle and width in cells."""

    score: float
    middle: Points
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody whose body was found.

    presence: How sure the landmark network is that somebody is there, 0..1.
    mask: (h, w) float32, how likely each cell is this person, 0..1.
    has_face: A face was found where the landmarks put it.
    """

    presence: float
    pose: Pose
    outline: Outline
    mask: NDArray[np.float32]
    has_face: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LoneFace:
    """Somebody of whom nothing but a face was found: where that person surely is, and which of it is the head."""

    score: float
    outline: Outline
    head: Mask


def person_of(pose: Pose, mask: NDArray[np.float32], presence: float) -> Person:
    """Return the person of a pose, with its mask on the grid."""
    height, width = mask.shape
    return Person(presence, pose, of_pose(pose, (width, height)), mask)


def lone_face_of(face: Face, grid_wh: tuple[int, int]) -> LoneFace:
    """Return the witness that a face is which belongs to no body."""
    outline = of_face(face.middle, face.width, grid_wh)
    return LoneFace(face.score, outline, of_head(face.middle, face.width, grid_wh))


def is_same_body(a: Pose, b: Pose) -> bool:
    """Return whether two poses are of one body: heads and necks lie near each other."""
    near = SAME_BODY * max(a.size, b.size)
    return apart(a.head, b.head) < near and apart(a.neck, b.neck) < near


def is_face_of(face: Face, pose: Pose) -> bool:
    """Return whether a face is where a pose has its own."""
    return (
        apart(face.middle, pose.face) < SAME_FACE * face.width or apart(face.middle, pose.head) < SAME_HEAD * face.width
    )


def is_on_body(face: Face, person: Person) -> bool:
    """Return whether a face is not sure and lies on a body, below the neck: hands and prints on clothes look like one."""
    (x, y), core = (int(v) for v in face.middle), person.outline.core
    is_inside = 0 <= y < core.shape[0] and 0 <= x < core.shape[1] and bool(core[y, x])
    is_below = bool(y > person.pose.neck[1] + BELOW_NECK * person.outline.size)
    return face.score < SURE_FACE and is_inside and is_below


def fits(face: Face, pose: Pose) -> bool:
    """Return whether a face is so nearly where a pose has its own that the pose is no mixture of two people."""
    return apart(face.middle, pose.face) < FITS * face.width


def is_same_face(a: Face, b: Face) -> bool:
    """Return whether two finds are of one face."""
    return apart(a.middle, b.middle) < SAME_FACE * max(a.width, b.width)
