"""Represents people found in a picture, as a body with outline and mask or as a face alone, and matches faces to bodies. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import Mask
from infer.embedded.outline import Outline, Pose, distance_between, head_of_face, outline_of_face, outline_of_pose
from infer.embedded.view import Points

SAME_BODY = 0.6  # of the larger size: two bodies whose heads and necks are that near are one
FITS = 0.35  # of a face's width: the landmarks of one person are off by 0.07 to 0.27, those of a mixture by more
SAME_FACE = 0.6  # of a face's width: the face of a body whose own landmarks put it that near, or two faces
SAME_HEAD = 0.5  # of a face's width: the face of a body between whose ears it is
SURE_FACE = 0.6  # score from which a face is somebody, wherever it is
BELOW_NECK = 0.25  # of the size: hands and prints on clothes that pass for faces are at least so far below


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face: score 0..1, middle and width in cells."""

    score: float
    middle: Points
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A person whose body was found.

    presence: Probability of the landmark network that somebody is there, 0..1.
    mask: (h, w) float32, probability 0..1 of each cell to belong to this person.
    has_face: Whether a face was found where the landmarks expect it.
    """

    presence: float
    pose: Pose
    outline: Outline
    mask: NDArray[np.float32]
    has_face: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LoneFace:
    """A person of whom only a face was found: the area that is certainly theirs, and the head in it."""

    score: float
    outline: Outline
    head: Mask


def person_of(pose: Pose, mask: NDArray[np.float32], presence: float) -> Person:
    """Return the person with this pose and this mask on the grid."""
    height, width = mask.shape
    return Person(presence, pose, outline_of_pose(pose, (width, height)), mask)


def lone_face_of(face: Face, grid_wh: tuple[int, int]) -> LoneFace:
    """Return the person of a face that belongs to no body."""
    outline = outline_of_face(face.middle, face.width, grid_wh)
    return LoneFace(face.score, outline, head_of_face(face.middle, face.width, grid_wh))


def is_same_body(a: Pose, b: Pose) -> bool:
    """Return True if two poses are of one body, because heads and necks are close to each other."""
    near = SAME_BODY * max(a.size, b.size)
    return distance_between(a.head, b.head) < near and distance_between(a.neck, b.neck) < near


def is_face_of(face: Face, pose: Pose) -> bool:
    """Return True if a face is where the pose expects its face."""
    return (
        distance_between(face.middle, pose.face) < SAME_FACE * face.width
        or distance_between(face.middle, pose.head) < SAME_HEAD * face.width
    )


def is_on_body(face: Face, person: Person) -> bool:
    """Return True if a face has a low score and is on a body, below the neck: hands and prints on clothes look like faces."""
    (x, y), core = (int(v) for v in face.middle), person.outline.core
    is_inside = 0 <= y < core.shape[0] and 0 <= x < core.shape[1] and bool(core[y, x])
    is_below = bool(y > person.pose.neck[1] + BELOW_NECK * person.outline.size)
    return face.score < SURE_FACE and is_inside and is_below


def fits(face: Face, pose: Pose) -> bool:
    """Return True if a face is so close to where the pose expects it that the pose cannot be a mixture of two people."""
    return distance_between(face.middle, pose.face) < FITS * face.width


def is_same_face(a: Face, b: Face) -> bool:
    """Return True if two detections are of one face."""
    return distance_between(a.middle, b.middle) < SAME_FACE * max(a.width, b.width)
