"""Looks at a picture with all small networks, and says who speaks for somebody in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from common.assets import BODY, FACE, MATTE, POSE, fetch
from common.halves import Halves
from common.matte import LEAST_WH, MATTE_SIZE_WH, Matte
from infer.embedded.nets import (
    FACES,
    HIPS,
    LEFT_EYE,
    POSES,
    RIGHT_EYE,
    WHOLE_BODY,
    Body,
    BodyReader,
    Finder,
    Found,
)
from infer.embedded.outline import Pose
from infer.embedded.view import Points, ends, put_back, whole
from infer.embedded.witness import (
    Face,
    LoneFace,
    Person,
    is_face_of,
    is_same_body,
    is_same_face,
    lone_face_of,
    person_of,
)

Picture = NDArray[np.uint8]

LONGEST = 320  # cells of the grid's longer side
LEAST_POSE, LEAST_FACE = 0.3, 0.4  # scores; the networks' own graphs ask for 0.5 and 0.6 and miss who is half hidden
MOST_POSES, MOST_FACES = 5, 3  # that are looked at closely
PRESENT = 0.5  # of the landmark network, from which somebody is there
SMALLEST_FACE = 5.0  # cells: a smaller one is a find of noise
# a body below a face, in widths of the face: the hips, and the circle around the body; mean of those whom both nets found
HIPS_BELOW, BODY_RADIUS = 3.73, 4.50
TURNED = 0.4  # share of the face's own direction in where the body is looked for; the rest is straight down


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in one picture, on a grid over it.

    matte: (h, w) float32, how likely each cell is any person, 0..1.
    people: Whose bodies were found, the surest first.
    faces: Faces that belong to none of them.
    """

    matte: NDArray[np.float32]
    people: tuple[Person, ...]
    faces: tuple[LoneFace, ...]


class Looker:
    """Looks with the matte, for poses, for faces, and closely at everybody who was found.

    Raises:
        AssetError: A network cannot be fetched.
        ModelError: A network cannot be read.
    """

    def __init__(self) -> None:
        self._matte = Matte(fetch(MATTE))
        self._poses, self._faces = Finder(fetch(POSE), POSES), Finder(fetch(FACE), FACES)
        self._bodies = BodyReader(fetch(BODY))

    def look(self, picture: Picture) -> Seen:
        """Return what is seen in a picture (H, W, 3) uint8 BGR of any shape."""
        halves, size_wh = Halves(picture), (picture.shape[1], picture.shape[0])
        grid_wh = grid_of(size_wh)
        scale = grid_wh[0] / size_wh[0]
        matte = matte_on(self._matte, halves, grid_wh)
        squares = [whole(size_wh), *ends(size_wh)]
        poses = self._poses.find(halves, squares[0], LEAST_POSE)[:MOST_POSES]
        found = [f for square in squares for f in self._faces.find(halves, square, LEAST_FACE)]
        faces = [(f, face) for f in found if (face := face_of(f, scale)).width >= SMALLEST_FACE]
        people: list[Person] = []
        for pose in poses:
            person = self._read(halves, pose.points[HIPS], pose.points[WHOLE_BODY], grid_wh)
            if person is not None and not any(is_same_body(person.pose, p.pose) for p in people):
                people.append(person)
        for f, face in lone(faces, people)[:MOST_FACES]:
            person = self._read(halves, *body_below(f), grid_wh)
            if person is None or not is_face_of(face, person.pose):
                continue
            if not any(is_same_body(person.pose, p.pose) for p in people):
                people.append(person)
        seen = [replace(p, has_face=any(is_face_of(face, p.pose) for _, face in faces)) for p in people]
        return Seen(matte, tuple(seen), tuple(lone_face_of(face, grid_wh) for _, face in lone(faces, people)))

    def _read(self, halves: Halves, hips: Points, end: Points, grid_wh: tuple[int, int]) -> Person | None:
        body = self._bodies.read(halves, hips, end)
        return person_on(body, grid_wh, grid_wh[0] / halves.picture.shape[1]) if body.presence >= PRESENT else None


def grid_of(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return columns and rows of the grid over a picture: 320 x 180 for one of 16:9."""
    scale = LONGEST / max(size_wh)
    return max(8, round(size_wh[0] * scale)), max(8, round(size_wh[1] * scale))


def matte_on(matte: Matte, halves: Halves, grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return the matte of a picture on the grid. One that is not 16:9 gets bars: the network knows no stretched people."""
    picture = halves.at_least(*LEAST_WH)
    height, width = picture.shape[:2]
    wide, tall = MATTE_SIZE_WH
    across = max(0, math.ceil(height * wide / tall) - width) // 2
    down = max(0, math.ceil(width * tall / wide) - height) // 2
    barred = cv2.copyMakeBorder(picture, down, down, across, across, cv2.BORDER_CONSTANT)
    likely = matte.infer(np.asarray(barred, np.uint8))
    x, y = round(across * wide / barred.shape[1]), round(down * tall / barred.shape[0])
    inside = likely[y : tall - y, x : wide - x]
    return np.asarray(cv2.resize(inside, grid_wh, interpolation=cv2.INTER_LINEAR), np.float32)


def person_on(body: Body, grid_wh: tuple[int, int], scale: float) -> Person:
    """Return a person on a grid of `scale` cells a pixel."""
    mask = put_back(body.mask, body.square, grid_wh, scale)
    return person_of(Pose(body.landmarks * scale, body.visible), mask, body.presence)


def face_of(found: Found, scale: float) -> Face:
    """Return a face on a grid of `scale` cells a pixel."""
    corners = found.corners * scale
    return Face(found.score, corners.mean(0), float((corners[1] - corners[0]).max()))


def lone(faces: list[tuple[Found, Face]], people: list[Person]) -> list[tuple[Found, Face]]:
    """Return the faces that belong to none of `people`, each once."""
    found: list[tuple[Found, Face]] = []
    for f, face in faces:
        if not any(is_face_of(face, p.pose) for p in people) and not any(is_same_face(face, g) for _, g in found):
            found.append((f, face))
    return found


def body_below(face: Found) -> tuple[Points, Points]:
    """Return where the hips of a face's body should be, and a point of the circle around it, pixels."""
    x, y = face.points[LEFT_EYE] - face.points[RIGHT_EYE]
    roll = math.atan2(y, x)
    up = TURNED * np.array([math.sin(roll), -math.cos(roll)]) + (1 - TURNED) * np.array([0.0, -1.0])
    up /= np.hypot(*up)
    width = float((face.corners[1] - face.corners[0]).max())
    hips = face.corners.mean(0) - up * HIPS_BELOW * width
    return hips, hips + up * BODY_RADIUS * width
