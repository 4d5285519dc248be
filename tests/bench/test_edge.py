"""What the bench says of an edge whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha
from tests.bench.edge import Found, Truth, colours_of, errors, gap_and_step, halo

SHAPE = (90, 160)
EVERYWHERE = np.ones(SHAPE, np.bool_)


def body(left: int = 50, right: int = 110, bottom: int = 90) -> np.ndarray:
    alpha = np.zeros(SHAPE, np.float32)
    alpha[20:bottom, left:right] = 1
    return alpha


def test_a_true_alpha_has_no_error_and_what_is_unknown_does_not_score() -> None:
    truth = Truth(body(), EVERYWHERE)
    assert set(errors(body(), truth).values()) == {0.0}
    known = EVERYWHERE.copy()
    known[:, :52] = False
    assert errors(body(left=48), Truth(body(), known))["SAD %"] == 0


@pytest.mark.parametrize(("left", "more", "less"), [(44, 10.0, 0.0), (56, 0.0, 10.0)])
def test_too_much_and_too_little_are_shares_of_the_person(left: int, more: float, less: float) -> None:
    found = errors(body(left=left), Truth(body(), EVERYWHERE))
    assert (found["too much %"], found["too little %"]) == pytest.approx((more, less))
    assert found["SAD %"] == pytest.approx(more + less) and found["MSE e-3"] > 0 and found["gradient %"] > 0


def test_gaps_and_steps_at_the_lower_edge() -> None:
    truth = Truth(body(), EVERYWHERE)
    assert gap_and_step(body(), truth) == (0, 0)
    assert gap_and_step(body(bottom=84), truth) == (6, 110), "nothing of the outline is left there"
    stepped = body()
    stepped[84:, 90:] = 0
    assert gap_and_step(stepped, truth) == (6, 20)
    assert gap_and_step(body(), Truth(body(bottom=80), EVERYWHERE)) is None, "the edge does not cut them"


def test_the_halo_is_the_old_background_in_the_edge() -> None:
    alpha = body()
    alpha[20:, 47:50] = (0.25, 0.5, 0.75)
    colour = alpha[..., None] * np.array((30, 60, 200), np.float32)
    picture = np.rint(colour + (1 - alpha)[..., None] * 250).astype(np.uint8)
    who = Alpha(np.rint(alpha * 255).astype(np.uint8), (0, 0, *SHAPE[::-1]))
    found = Found(ImagePyramid(picture), who, np.zeros(SHAPE, np.uint8), Truth(alpha, EVERYWHERE, colour))
    own = colours_of(found.truth)
    assert own[50, :50] == pytest.approx(np.full((50, 3), (30, 60, 200)), abs=1)
    left, gone = (halo(found, who, own, (0, 200, 0), clean=clean) for clean in (False, True))
    assert left.old > 5 * gone.old and left.true > 5 * gone.true
