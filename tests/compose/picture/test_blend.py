from __future__ import annotations

import numpy as np
import pytest

from compose.picture.alpha import Alpha
from compose.picture.blend import STRIP, blend


@pytest.mark.parametrize("rows", [1, STRIP - 1, STRIP, STRIP + 1, 3 * STRIP - 5])
def test_blend_does_every_row_of_its_box_and_no_other(rows: int) -> None:
    rng = np.random.default_rng(rows)
    picture, room = rng.integers(0, 256, (2, rows + 7, 50, 3), dtype=np.uint8)
    opacity = rng.integers(0, 256, (rows, 40), dtype=np.uint8)
    into = room.copy()
    blend(picture, Alpha(opacity, (6, 4, 46, 4 + rows)), into)
    share = np.zeros((rows + 7, 50, 1))
    share[4 : 4 + rows, 6:46, 0] = opacity / 255
    assert np.abs(into - (share * picture + (1 - share) * room)).max() <= 1.01
    assert (into[share[..., 0] == 0] == room[share[..., 0] == 0]).all()


def test_blend_shows_the_person_where_alpha_says_and_the_background_elsewhere() -> None:
    picture, into = np.full((40, 60, 3), 200, np.uint8), np.full((40, 60, 3), 100, np.uint8)
    opacity = np.zeros((20, 30), np.uint8)
    opacity[:, :10], opacity[:, 10:20] = 255, 128
    blend(picture, Alpha(opacity, (10, 5, 40, 25)), into)
    assert (into[5:25, 10:20] == 200).all()
    assert (np.abs(into[5:25, 20:30].astype(int) - 150) <= 1).all()
    assert (into[5:25, 30:40] == 100).all()
    assert (into[:5] == 100).all() and (into[25:] == 100).all() and (into[:, :10] == 100).all()


def test_an_empty_alpha_shows_the_background_only() -> None:
    into = np.full((9, 9, 3), 7, np.uint8)
    blend(np.full_like(into, 99), Alpha(np.zeros((0, 0), np.uint8), (0, 0, 0, 0)), into)
    assert (into == 7).all()
