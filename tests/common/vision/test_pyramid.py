from __future__ import annotations

import numpy as np
import pytest

from common.vision.pyramid import Halves


def test_each_half_is_the_mean_of_four_and_made_once() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)
    halves = Halves(picture)
    means = picture.reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert halves.picture is picture
    assert np.abs(halves[1] - means).max() <= 0.5
    assert halves[2].shape == (2, 3, 3)
    assert halves[1] is halves[1]


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
def test_the_smallest_that_is_large_enough(
    size_wh: tuple[int, int], least_wh: tuple[int, int], got_wh: tuple[int, int]
) -> None:
    got = Halves(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).at_least(*least_wh)
    assert got.shape[1::-1] == got_wh
