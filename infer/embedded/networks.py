"""Runs all small networks on a picture, and returns the people and lone faces that they find."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage
from common.vision.assets import BODY, FACE, MATTE, POSE, fetch
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import LEAST_WH, MATTE_SIZE_WH, Matte
from infer.embedded.mediapipe import (
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
from infer.embedded.people import (
    SURE_FACE,
    Face,
    LoneFace,
    Person,
    fits,
    is_face_of,
    is_on_body,
    is_same_body,
    is_same_face,
    lone_face_of,
    person_of,
)
from infer.embedded.view import Points, end_squares, paste_back, whole_square
from infer.scaled import is_too_small

LONGEST = 320  # cells along the longer side of the grid
# minimum scores. MediaPipe's own graphs use 0.5 and 0.6 and miss people who are half hidden; at 0.2 there are false faces
LEAST_POSE, LEAST_FACE = 0.3, 0.3
MOST_POSES, MOST_FACES = 5, 3  # that the landmark network runs on
PRESENT = 0.5  # minimum presence in the landmark network's output
# minimum mean of the matte over a face with a low score: false faces are found between books, on walls and in patterns. For
# people who are half hidden the mean is 0.5 or more
LEAST_MATTE = 0.4
SMALLEST_FACE = 5.0  # cells: smaller faces are noise
# place of a body below its face, in face widths: distance to the hips, and radius of the circle around the body. The first is
# the mean of people whom both networks found; beside another person the landmark network needs the closer view
BODIES = ((3.73, 4.50), (3.0, 3.6))
TURNED = 0.4  # weight of the face's own direction for the place of the body; the rest is straight down


@dataclass(frozen=True, slots=True)
class EmbeddedResult:
    """What the networks found in one picture, on a grid over it.

    matte: (h, w) float32, probability 0..1 of each cell to belong to any person.
    people: People whose bodies were found, highest score first.
    faces: Faces that belong to none of them.
    """

    matte: NDArray[np.float32]
    people: tuple[Person, ...]
    faces: tuple[LoneFace, ...]


class EmbeddedNetworks:
    """Run the matte, the pose and the face detector, and then the landmark network on each person found.

    Raises:
        AssetError: A network cannot be fetched.
        ModelError: A network cannot be read.
    """

    # at this size a small person in a picture of 1080 lines has a quarter of its pixels, which is enough
    least_wh = (960.0, 540.0)

    def __init__(self) -> None:
        self._matte = Matte(fetch(MATTE))
        self._poses, self._faces = Finder(fetch(POSE), POSES), Finder(fetch(FACE), FACES)
        self._bodies = BodyReader(fetch(BODY))

    def run(self, picture: BgrImage) -> EmbeddedResult:
        """Return what is found in a picture (H, W, 3) uint8 BGR of any shape."""
        pyramid, size_wh = ImagePyramid(picture), (picture.shape[1], picture.shape[0])
        grid_wh = grid_of(size_wh)
        scale = grid_wh[0] / size_wh[0]
        if is_too_small(picture):
            return EmbeddedResult(np.zeros(grid_wh[::-1], np.float32), (), ())
        matte = matte_on(self._matte, pyramid, grid_wh)
        squares = [whole_square(size_wh), *end_squares(size_wh)]
        poses = self._poses.find(pyramid, squares[0], LEAST_POSE)[:MOST_POSES]
        found = [f for square in squares for f in self._faces.find(pyramid, square, LEAST_FACE)]
        faces = [(f, face) for f in found if is_likely(face := face_of(f, scale), matte)]
        read = [self._read(pyramid, pose.points[HIPS], pose.points[WHOLE_BODY], grid_wh) for pose in poses]
        bodies = each_once(p for p in read if p is not None)
        people = [p for p in bodies if any(fits(face, p.pose) for _, face in faces)]
        faces = [(f, face) for f, face in faces if not any(is_on_body(face, p) for p in people)]
        for f, face in lone(faces, people, fits)[:MOST_FACES]:
            person = self._read_below(pyramid, f, face, grid_wh)
            if person is not None:
                people = each_once([*people, person])
        # added last: a pose without a face of its own may be a mixture of two people
        people = each_once([*people, *bodies])
        with_faces = (replace(p, has_face=any(is_face_of(face, p.pose) for _, face in faces)) for p in people)
        left = lone(faces, people, is_face_of)
        return EmbeddedResult(matte, tuple(with_faces), tuple(lone_face_of(face, grid_wh) for _, face in left))

    def _read_below(self, pyramid: ImagePyramid, found: Found, face: Face, grid_wh: tuple[int, int]) -> Person | None:
        """Return the person of a face, None if the landmark network finds nobody or another person there."""
        scale = grid_wh[0] / pyramid.picture.shape[1]
        for hips, radius in BODIES:
            body = self._bodies.read(pyramid, *body_below(found, hips, radius))
            if body.presence >= PRESENT and fits(face, pose_on(body, scale)):
                return person_on(body, grid_wh, scale)
        return None

    def _read(self, pyramid: ImagePyramid, hips: Points, end: Points, grid_wh: tuple[int, int]) -> Person | None:
        body = self._bodies.read(pyramid, hips, end)
        return person_on(body, grid_wh, grid_wh[0] / pyramid.picture.shape[1]) if body.presence >= PRESENT else None


def grid_of(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return columns and rows of the grid over a picture, 320 x 180 for 16:9."""
    scale = LONGEST / max(size_wh)
    return max(8, round(size_wh[0] * scale)), max(8, round(size_wh[1] * scale))


def matte_on(matte: Matte, pyramid: ImagePyramid, grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return the matte of a picture on the grid. A picture that is not 16:9 gets bars, because the network fails on stretched people."""
    level, (wide, tall) = pyramid.smallest_at_least(*LEAST_WH), MATTE_SIZE_WH
    scale = min(wide / level.shape[1], tall / level.shape[0])
    width, height = max(1, round(level.shape[1] * scale)), max(1, round(level.shape[0] * scale))
    x, y = (wide - width) // 2, (tall - height) // 2
    barred = np.zeros((tall, wide, 3), np.uint8)
    barred[y : y + height, x : x + width] = cv2.resize(level, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = matte.infer(barred)[y : y + height, x : x + width]
    return np.asarray(cv2.resize(inside, grid_wh, interpolation=cv2.INTER_LINEAR), np.float32)


def person_on(body: Body, grid_wh: tuple[int, int], scale: float) -> Person:
    """Return a person on a grid of `scale` cells a pixel."""
    mask = paste_back(body.mask, body.square, grid_wh, scale)
    return person_of(pose_on(body, scale), mask, body.presence)


def pose_on(body: Body, scale: float) -> Pose:
    """Return the pose of a body on a grid of `scale` cells a pixel."""
    return Pose(body.landmarks * scale, body.visible)


def face_of(found: Found, scale: float) -> Face:
    """Return a face on a grid of `scale` cells a pixel."""
    corners = found.corners * scale
    return Face(found.score, corners.mean(0), float((corners[1] - corners[0]).max()))


def is_likely(face: Face, matte: NDArray[np.float32]) -> bool:
    """Return True if a face is large enough, and has a high score or is where the matte sees a person."""
    height, width = matte.shape
    x0, y0 = (max(0, int(v - face.width / 2)) for v in face.middle)
    x1, y1 = (min(side, int(v + face.width / 2) + 1) for v, side in zip(face.middle, (width, height), strict=True))
    if face.width < SMALLEST_FACE or x0 >= x1 or y0 >= y1:
        return False
    return face.score >= SURE_FACE or float(matte[y0:y1, x0:x1].mean()) >= LEAST_MATTE


def lone(
    faces: list[tuple[Found, Face]], people: list[Person], is_of: Callable[[Face, Pose], bool]
) -> list[tuple[Found, Face]]:
    """Return the faces that belong to none of `people`, without duplicates."""
    found: list[tuple[Found, Face]] = []
    for f, face in faces:
        if not any(is_of(face, p.pose) for p in people) and not any(is_same_face(face, g) for _, g in found):
            found.append((f, face))
    return found


def each_once(people: Iterable[Person]) -> list[Person]:
    """Return people without duplicates: those whose body equals that of an earlier one."""
    found: list[Person] = []
    for person in people:
        if not any(is_same_body(person.pose, p.pose) for p in found):
            found.append(person)
    return found


def body_below(face: Found, below: float, radius: float) -> tuple[Points, Points]:
    """Return where the hips of a face's body should be, and a point on the circle around the body, in pixels; see BODIES."""
    x, y = face.points[LEFT_EYE] - face.points[RIGHT_EYE]
    roll = math.atan2(y, x)
    up = TURNED * np.array([math.sin(roll), -math.cos(roll)]) + (1 - TURNED) * np.array([0.0, -1.0])
    up /= np.hypot(*up)
    width = float((face.corners[1] - face.corners[0]).max())
    hips = face.corners.mean(0) - up * below * width
    return hips, hips + up * radius * width
