"""Writes the box operations of a Mask R-CNN as ONNX nodes: proposals, refined boxes, non-maximum suppression.

Boxes are x0, y0, x1, y1 in pixels of the network's picture, half-open. Boxes of Caffe2 include their last pixel, so their
x1 and y1 are smaller by 1. Their overlaps are computed as those of half-open boxes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infer.onnx_graph import Graph

LARGEST_GROWTH = math.log(1000 / 16)  # logarithm of the largest growth of a box (Detectron's BBOX_XFORM_CLIP)
EVERY = np.iinfo(np.int64).max


class Places(NamedTuple):
    """Names of the four tensors that hold the centres and sizes of boxes."""

    centre_x: str
    centre_y: str
    width: str
    height: str


def anchors(graph: Graph, first: NDArray[np.float32], cells_hw: tuple[int, int], step: int) -> Places:
    """Add the places of every anchor in every cell. They broadcast to (A, 1, h, w).

    Args:
        graph: Gets the constants.
        first: (A, 4) anchors in the first cell, x0, y0, x1, y1 with the last pixel.
        cells_hw: Rows and columns of the grid.
        step: Pixels between two cells.
    """
    x0, y0, x1, y1 = (first[:, n].reshape(-1, 1, 1, 1) for n in range(4))
    width, height = x1 - x0 + 1, y1 - y0 + 1
    rows = np.arange(cells_hw[0], dtype=np.float32).reshape(1, 1, -1, 1) * step
    columns = np.arange(cells_hw[1], dtype=np.float32).reshape(1, 1, 1, -1) * step
    return Places(*map(graph.constant, (x0 + width / 2 + columns, y0 + height / 2 + rows, width, height)))


def places_of(graph: Graph, boxes: str) -> Places:
    """Add the places, each (N, 1), of boxes (N, 4)."""
    x0, y0, x1, y1 = graph.nodes("Split", boxes, count=4, axis=1)
    half = graph.constant(0.5)
    width, height = graph.node("Sub", x1, x0), graph.node("Sub", y1, y0)
    centre_x = graph.node("Add", x0, graph.node("Mul", width, half))
    return Places(centre_x, graph.node("Add", y0, graph.node("Mul", height, half)), width, height)


def move(graph: Graph, places: Places, deltas: str, axis: int, size_wh: tuple[int, int]) -> str:
    """Move and resize boxes as the network says, and clip them to the picture. Returns boxes with 4 along `axis`.

    Args:
        graph: Gets the nodes.
        places: Places of the boxes before.
        deltas: 4 along `axis`: shifts as shares of width and height, logarithms of the growth of both.
        axis: Axis of the four values.
        size_wh: Width and height of the picture.
    """
    shift_x, shift_y, grow_x, grow_y = graph.nodes("Split", deltas, count=4, axis=axis)
    nothing, half, largest = graph.constant(0.0), graph.constant(0.5), graph.constant(LARGEST_GROWTH)
    edges = []
    for centre, size, shift, growth, most in (
        (places.centre_x, places.width, shift_x, grow_x, size_wh[0]),
        (places.centre_y, places.height, shift_y, grow_y, size_wh[1]),
    ):
        middle = graph.node("Add", graph.node("Mul", shift, size), centre)
        grown = graph.node("Mul", graph.node("Exp", graph.node("Min", growth, largest)), size)
        reach, limit = graph.node("Mul", grown, half), graph.constant(float(most))
        edges.append([graph.node("Clip", graph.node(side, middle, reach), nothing, limit) for side in ("Sub", "Add")])
    (x0, x1), (y0, y1) = edges
    return graph.node("Concat", x0, y0, x1, y1, axis=axis)


def propose(graph: Graph, boxes: str, scores: str, most: str, overlap: float) -> str:
    """Select the best boxes, (N, 4), of which no two overlap by more than `overlap` (IoU).

    Args:
        graph: Gets the nodes.
        boxes: (A, 4, h, w).
        scores: (1, A, h, w).
        most: (1,) int64, maximum number of boxes.
        overlap: 0..1.
    """
    listed = graph.node("Reshape", graph.node("Transpose", boxes, perm=[0, 2, 3, 1]), graph.constant([1, -1, 4]))
    ranked = graph.node("Reshape", scores, graph.constant([1, 1, -1]))
    kept = graph.node("NonMaxSuppression", listed, ranked, most, graph.constant([overlap]))
    return graph.node("Gather", graph.node("Squeeze", listed, graph.constant([0])), column(graph, kept, 2), axis=0)


class Kept(NamedTuple):
    """Names of the tensors of K selected objects, highest score first: boxes (K, 4), scores (K,), class numbers (K,)."""

    boxes: str
    scores: str
    classes: str


def keep(graph: Graph, boxes: str, scores: str, most: str, *, least: str, overlap: float) -> Kept:
    """Select the objects with the highest scores. No two of a class overlap by more than `overlap` (IoU).

    Args:
        graph: Gets the nodes.
        boxes: (classes, N, 4): each class has its own boxes, so each class is an item of a batch.
        scores: (classes, N).
        most: (1,) int64, maximum number of objects of all classes together.
        least: (1,) float32, the score that an object must exceed.
        overlap: 0..1.
    """
    ranked = graph.node("Unsqueeze", scores, graph.constant([1]))
    kept = graph.node("NonMaxSuppression", boxes, ranked, most, graph.constant([overlap]), least)
    found = graph.node("GatherND", ranked, kept)
    count = graph.node("Min", most, graph.node("Shape", found))
    surest, rows = graph.nodes("TopK", found, count, count=2, axis=0)
    kept = graph.node("Gather", kept, rows, axis=0)  # class, 0, number of the box
    places = graph.node("Gather", kept, graph.constant([0, 2]), axis=1)
    return Kept(graph.node("GatherND", boxes, places), surest, column(graph, kept, 0))


def column(graph: Graph, table: str, number: int) -> str:
    """Return column `number`, (N,), of a table (N, columns)."""
    return graph.node("Gather", table, graph.constant(number), axis=1)
