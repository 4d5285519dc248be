"""Runs MediaPipe's pose and face models (Apache-2.0) with LiteRT."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.litert import Network
from common.vision.pyramid import ImagePyramid
from infer.embedded.ssd import Layout, anchors_of, decode
from infer.embedded.view import Points, Square, crop

# pose_detection: layers of stride 8, 16, 32, 32 and 32 with two anchors each
POSES = Layout(side=224, layers=((8, 2), (16, 2), (32, 6)), points=4)
HIPS, WHOLE_BODY = 0, 1  # key points of a pose: between the hips; where the circle around the body ends
# face_detection_full_range_sparse
FACES = Layout(side=192, layers=((4, 1),), points=6)
RIGHT_EYE, LEFT_EYE = 0, 1  # key points of a face
BODY_PIXELS = 256
BODY_POINTS, BODY_VALUES = 39, 5  # x, y, z, visibility, presence of 33 landmarks and 6 that help to crop
LANDMARKS = 33
WIDER = 1.25  # input of pose_landmark, times the circle around the body (RectTransformationCalculator)


class Found(NamedTuple):
    """A detected pose or face: score 0..1, opposite corners (2, 2) and key points (K, 2), pixels of the picture."""

    score: float
    corners: Points
    points: Points


class Finder:
    """Find poses or faces in squares of a picture.

    Args:
        path: The .tflite file.
        layout: Its input and output.

    Raises:
        ModelError: The file cannot be read.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._network, self._layout = Network(path), layout
        self._anchors = anchors_of(layout)

    def find(self, pyramid: ImagePyramid, square: Square, threshold: float) -> list[Found]:
        """Return what a square contains with a score over `threshold`, highest first."""
        view = crop(pyramid, square, self._layout.side)
        offsets, logits = self._network(np.multiply(view, np.float32(2 / 255), dtype=np.float32)[None] - np.float32(1))
        found = decode(offsets[0], logits[0, :, 0], self._anchors, self._layout, threshold)
        return [Found(d.score, square.to_picture(d.corners), square.to_picture(d.points)) for d in found]


class Body(NamedTuple):
    """The landmarks and mask of one person.

    presence: Probability that somebody is there, 0..1.
    landmarks: (33, 2) pixels of the picture, in the order of MediaPipe's BlazePose.
    visible: (33,) probability of each to be visible, 0..1.
    mask: (256, 256) probability of each pixel of `square` to belong to this person, 0..1.
    square: Part of the picture that was searched.
    """

    presence: float
    landmarks: Points
    visible: NDArray[np.float32]
    mask: NDArray[np.float32]
    square: Square


class BodyReader:
    """Find the landmarks and the mask of the person in a square.

    Args:
        path: The .tflite file, pose_landmark_full.

    Raises:
        ModelError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._network = Network(path)

    def read(self, pyramid: ImagePyramid, hips: Points, end: Points) -> Body:
        """Return the person with the hips at `hips` who fits into the circle around them through `end`."""
        square = upright(hips, end)
        view = crop(pyramid, square, BODY_PIXELS)
        values, presence, logits, *_ = self._network(np.multiply(view, np.float32(1 / 255), dtype=np.float32)[None])
        rows = values.reshape(BODY_POINTS, BODY_VALUES)[:LANDMARKS]
        return Body(
            float(presence[0, 0]),
            square.to_picture(rows[:, :2] / BODY_PIXELS),
            sigmoid(rows[:, 3]),
            sigmoid(logits[0, :, :, 0]),
            square,
        )


def upright(hips: Points, end: Points) -> Square:
    """Return the square around a body, rotated so that the body is upright (AlignmentPointsRectsCalculator, 90 degrees)."""
    x, y = end - hips
    angle = math.pi / 2 - math.atan2(-y, x)
    return Square(float(hips[0]), float(hips[1]), 2 * WIDER * math.hypot(x, y), angle)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities 0..1 of logits."""
    return np.asarray(1 / (1 + cv2.exp(-np.clip(logits, -60, 60))), np.float32).reshape(logits.shape)
