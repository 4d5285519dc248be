"""Decodes the output of MediaPipe's single-shot detectors (SSD): anchors, boxes with key points, weighted suppression. Pure.

Anchors of fixed size 1, offsets in pixels of the input, sigmoid scores and weighted non-maximum suppression are those of
MediaPipe's graphs (SsdAnchorsCalculator, TensorsToDetectionsCalculator, NonMaxSuppressionCalculator; Apache-2.0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.floating]
SAME = 0.3  # IoU from which two boxes are of one object (min_suppression_threshold of both graphs)


class Layout(NamedTuple):
    """The input and output of a detector.

    side: Side of its square input in pixels.
    layers: Stride in pixels and number of anchors per place, for each layer.
    points: Number of key points of a box.
    """

    side: int
    layers: tuple[tuple[int, int], ...]
    points: int


class Detection(NamedTuple):
    """A detected object: score 0..1, opposite corners (2, 2) and key points (K, 2), all x and y in 0..1 of the input."""

    score: float
    corners: Array
    points: Array


def anchors_of(layout: Layout) -> Floats:
    """Return (N, 2): x and y of every anchor in 0..1 of the input, row by row, layer after layer."""
    layers = []
    for stride, each in layout.layers:
        places = (np.arange(layout.side // stride, dtype=np.float32) + 0.5) * stride / layout.side
        x, y = np.meshgrid(places, places)
        layers.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(layers)


def decode(offsets: Floats, logits: Floats, anchors: Floats, layout: Layout, threshold: float) -> list[Detection]:
    """Return the detected objects, highest score first.

    Args:
        offsets: (N, 4 + 2 K) pixels: middle, size and key points of a box, relative to its anchor.
        logits: (N,) logits of the scores.
        anchors: (N, 2), see anchors_of.
        layout: Layout of the detector.
        threshold: Minimum score.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    sure = np.flatnonzero(scores > threshold)
    near = offsets[sure] / layout.side
    middles, halves = near[:, :2] + anchors[sure], near[:, 2:4] / 2
    corners = np.stack([middles - halves, middles + halves], 1)
    points = near[:, 4:].reshape(len(sure), layout.points, 2) + anchors[sure, None]
    return merged(scores[sure], corners, points)


def merged(scores: Array, corners: Array, points: Array) -> list[Detection]:
    """Merge each group of overlapping boxes into their mean, weighted by score, with the best score.

    Args:
        scores: (N,).
        corners: (N, 2, 2).
        points: (N, K, 2).
    """
    found, left = [], np.argsort(-scores, kind="stable")
    while len(left):
        same = overlaps(corners[left[0]], corners[left]) > SAME
        same[0] = True
        group, left = left[same], left[~same]
        weights = scores[group] / scores[group].sum()
        found.append(
            Detection(
                float(scores[group[0]]),
                np.tensordot(weights, corners[group], 1),
                np.tensordot(weights, points[group], 1),
            )
        )
    return found


def overlaps(box: Array, boxes: Array) -> Array:
    """Return (N,), the IoU of a box (2, 2) with each of `boxes` (N, 2, 2)."""
    shared = np.clip(np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0]), 0, None).prod(1)
    areas = np.clip(boxes[:, 1] - boxes[:, 0], 0, None).prod(1)
    return np.asarray(shared / np.maximum(areas + np.clip(box[1] - box[0], 0, None).prod() - shared, 1e-9))
