from __future__ import annotations

import numpy as np
import pytest

from compose.picture.alpha import EMPTY, Alpha, placed
from compose.picture.edge_shape import shape_edge
from compose.picture.matte_edge import BESIDE

WH = (256, 144)  # a fifth of 1280 x 720, so a margin of 20 is 4 pixels
NOBODY = np.zeros((144, 256), np.uint8)


def person(x0: int = 100, y0: int = 60, x1: int = 150, y1: int = 144) -> Alpha:
    return Alpha(np.full((y1 - y0, x1 - x0), 255, np.uint8), (x0, y0, x1, y1))


def test_nothing_asked_changes_nothing() -> None:
    who = person()
    assert shape_edge(who, 0.0, 0.0, WH, NOBODY) is who
    assert shape_edge(EMPTY, 10.0, 5.0, WH, NOBODY) is EMPTY


@pytest.mark.parametrize(("margin", "moved"), [(20.0, 4), (5.0, 1), (-5.0, -1), (-20.0, -4)])
def test_the_margin_moves_the_edge_out_or_in_but_not_where_the_picture_ends(margin: float, moved: int) -> None:
    got = placed(shape_edge(person(), 0.0, margin, WH, NOBODY), WH) > 127
    expected = np.zeros_like(got)
    expected[60 - moved :, 100 - moved : 150 + moved] = True
    assert (got == expected).all()


def test_a_margin_is_as_wide_a_share_of_every_picture() -> None:
    large = Alpha(np.full((700, 500), 255, np.uint8), (1000, 600, 1500, 1300))
    assert shape_edge(large, 0.0, 10.0, (2560, 1440), NOBODY).box_xyxy == (980, 580, 1520, 1320)


def test_a_feather_fades_inwards_and_shows_nothing_that_was_hidden() -> None:
    got = placed(shape_edge(person(), 40.0, 0.0, WH, NOBODY), WH)
    assert not got[placed(person(), WH) == 0].any()
    across = got[110, 100:125].astype(int)
    assert across[0] < 64 and across[10] == 255 and (np.diff(across) >= 0).all() and np.diff(across).max() < 100
    assert got[143, 125] == 255, "where the picture ends nothing fades"


def test_a_wider_feather_fades_over_more_pixels_and_the_narrowest_fades_too() -> None:
    """The narrowest cut a pixel off, and every second width made the same ramp as the one before."""
    fading = []
    for feather in (10.0, 20.0, 30.0, 40.0):
        across = placed(shape_edge(person(), feather, 0.0, WH, NOBODY), WH)[110, 100:125]
        fading.append(int(((across > 0) & (across < 255)).sum()))
    assert fading == sorted(set(fading))
    assert fading[0] > 1


def test_the_edge_never_moves_out_towards_somebody_else() -> None:
    """They stand to the right."""
    others = NOBODY.copy()
    others[40:, 158:190] = 255
    got = placed(shape_edge(person(), 0.0, 20.0, WH, others), WH)
    assert not got[:, 158 - BESIDE : 190].any()
    assert got[100, 97] == 255, "to the left it does"
    assert (got >= placed(person(), WH))[60:].all(), "and what was shown still is"
