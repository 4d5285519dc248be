from __future__ import annotations

import numpy as np
import pytest

from common.vision.pyramid import ImagePyramid


def test_each_level_is_the_mean_of_four_pixels_and_is_computed_once() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)
    pyramid = ImagePyramid(picture)
    means = picture.reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert pyramid.picture is picture
    assert np.abs(pyramid[1] - means).max() <= 0.5
    assert pyramid[2].shape == (2, 3, 3)
    assert pyramid[1] is pyramid[1]


@pytest.mark.parametrize(
    ("size_wh", "least_wh", "got_wh"),
    [
        ((1280, 720), (600, 338), (640, 360)),
        ((1280, 720), (640, 360), (640, 360)),
        ((1280, 720), (641, 360), (1280, 720)),
        ((1280, 720), (160, 90), (160, 90)),
        ((320, 180), (600, 338), (320, 180)),
        ((1280, 40), (100, 30), (1280, 40)),  # the lesser side counts
        ((75, 53), (30, 20), (38, 26)),  # odd sides are rounded
        ((3, 1), (0, 0), (3, 1)),
    ],
)
def test_the_smallest_level_that_is_large_enough_is_returned(
    size_wh: tuple[int, int], least_wh: tuple[int, int], got_wh: tuple[int, int]
) -> None:
    got = ImagePyramid(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).smallest_at_least(*least_wh)
    assert got.shape[1::-1] == got_wh
