from __future__ import annotations

import numpy as np
import pytest

from infer.embedded.mediapipe import FACES, POSES
from infer.embedded.ssd import Layout, anchors_of, decode, merged, overlaps

SMALL = Layout(side=8, layers=((4, 1), (8, 2)), points=1)


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(corners, np.float32).reshape(-1, 2, 2)


def test_anchors_are_in_the_middle_of_their_cells() -> None:
    anchors = anchors_of(SMALL)
    expected = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75], [0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_allclose(anchors, expected)


def test_the_number_of_anchors_matches_the_networks() -> None:
    assert len(anchors_of(POSES)) == 2254
    assert len(anchors_of(FACES)) == 2304


def test_a_box_and_its_points_are_offsets_from_the_anchor_in_pixels() -> None:
    offsets = np.zeros((6, 6), np.float32)
    offsets[1] = (0.8, -0.8, 4.0, 1.6, -2.0, 2.0)  # middle, size, point
    logits = np.full(6, -50, np.float32)
    logits[1] = 0.0
    (found,) = decode(offsets, logits, anchors_of(SMALL), SMALL, 0.3)
    assert found.score == pytest.approx(0.5)
    np.testing.assert_allclose(found.corners, [[0.6, 0.05], [1.1, 0.25]], atol=1e-6)
    np.testing.assert_allclose(found.points, [[0.5, 0.5]], atol=1e-6)
    assert decode(offsets, logits, anchors_of(SMALL), SMALL, 0.5) == []


def test_overlapping_boxes_are_merged_into_their_weighted_mean() -> None:
    corners = boxes((0, 0, 1, 1), (0.25, 0, 1.25, 1), (3, 3, 4, 4))
    points = corners[:, :1] + np.float32(0.5)
    first, second = merged(np.array([0.3, 0.9, 0.6], np.float32), corners, points)
    assert (first.score, second.score) == pytest.approx((0.9, 0.6))
    np.testing.assert_allclose(first.corners, [[0.1875, 0], [1.1875, 1]], atol=1e-6)
    np.testing.assert_allclose(first.points, [[0.6875, 0.5]], atol=1e-6)
    np.testing.assert_allclose(second.corners, [[3, 3], [4, 4]])


def test_boxes_that_hardly_overlap_are_not_merged() -> None:
    corners = boxes((0, 0, 1, 1), (0.6, 0, 1.6, 1))
    assert overlaps(corners[0], corners) == pytest.approx([1, 0.25])
    assert len(merged(np.array([0.9, 0.8], np.float32), corners, corners)) == 2


def test_a_box_of_no_size_overlaps_nothing() -> None:
    corners = boxes((0.5, 0.5, 0.5, 0.5), (0.6, 0.6, 0.4, 0.4))
    assert not overlaps(corners[0], corners).any()
    assert len(merged(np.array([0.9, 0.8], np.float32), corners, corners)) == 2
