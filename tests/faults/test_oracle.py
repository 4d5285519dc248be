from __future__ import annotations

import numpy as np
import pytest

from capture.demo import DemoScene
from common.halves import Halves
from common.messages import FrameComposed
from compose.alpha import Alpha
from compose.blend import blend
from compose.blur import blur, strength_of
from compose.painter import paint_card
from tests.faults.oracle import ALWAYS_LEAKS, BOUND, LeakOracle

SIZE = (640, 360)


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE, 30)


def composite(index: int, state: str, age_ms: float = 100.0, reason: str = "") -> FrameComposed:
    return FrameComposed(1, index, 1, index, "s", 0, SIZE[1], SIZE[0], 1, state, reason, age_ms, True, "m")


def shown(scene: DemoScene, index: int, mask: np.ndarray, opacity: float = 1.0) -> np.ndarray:
    picture = scene.frame(index)
    alpha = Alpha((mask * round(255 * opacity)).astype(np.uint8), (0, 0, *SIZE))
    into = np.empty_like(picture)
    blur(Halves(picture), strength_of(0, SIZE).sigma, alpha, into)
    blend(picture, alpha, into)
    return into


@pytest.mark.parametrize("kernel", [0, 15, 41, 101])
def test_a_hidden_frame_is_far_below_the_bound(scene: DemoScene, kernel: int) -> None:
    oracle = LeakOracle(scene)
    sigma = strength_of(kernel, SIZE).sigma
    worst = max(oracle.leak(blur(Halves(scene.frame(i)), sigma), composite(i, "hidden")) for i in range(0, 390, 30))
    assert worst < BOUND / 2


def test_a_raw_frame_is_far_above_it(scene: DemoScene) -> None:
    oracle = LeakOracle(scene)
    for state in ("hidden", "live"):
        assert oracle.leak(scene.frame(7), composite(7, state)) > 20 * BOUND


@pytest.mark.parametrize("index", [0, 60, 120, 200, 333])
def test_the_exact_person_passes_live_and_fails_where_the_frame_says_it_is_hidden(scene: DemoScene, index: int) -> None:
    oracle = LeakOracle(scene, masks="exact")
    picture = shown(scene, index, scene.masks(index).subject)
    assert oracle.leak(picture, composite(index, "live", 0.0)) < BOUND
    leaking = shown(scene, index, scene.masks(index).subject | np.roll(scene.masks(index).subject, 20, 1))
    assert oracle.leak(leaking, composite(index, "hidden")) > BOUND


@pytest.mark.parametrize("opacity", [1.0, 0.3, 0.1])
def test_a_window_of_wall_is_found_even_if_it_is_small_or_faint(scene: DemoScene, opacity: float) -> None:
    oracle = LeakOracle(scene)
    mask = np.zeros(SIZE[::-1], bool)
    mask[20:44, 300:324] = True
    assert oracle.leak(shown(scene, 5, mask, opacity), composite(5, "live")) > BOUND


def test_the_mask_of_another_moment_passes_only_within_the_margin_of_its_age(scene: DemoScene) -> None:
    oracle = LeakOracle(scene, masks="exact")
    old = shown(scene, 150, scene.masks(130).subject)  # 667 ms old
    assert oracle.leak(old, composite(150, "live", 667.0)) < BOUND
    assert oracle.leak(old, composite(150, "live", 33.0)) > BOUND


def test_an_age_over_the_limit_is_a_leak_whatever_the_pixels_show(scene: DemoScene) -> None:
    oracle = LeakOracle(scene, max_age_ms=750)
    hidden = blur(Halves(scene.frame(3)), strength_of(0, SIZE).sigma)
    assert oracle.leak(hidden, composite(3, "live", 750.0)) < BOUND
    assert oracle.leak(hidden, composite(3, "live", 751.0)) == ALWAYS_LEAKS


def test_a_card_is_exactly_the_card(scene: DemoScene) -> None:
    oracle = LeakOracle(scene)
    card = np.empty((*SIZE[::-1], 3), np.uint8)
    paint_card("gone", card)
    assert oracle.leak(card, composite(3, "lost", -1.0, "gone")) == 0
    card[5, 5, 0] += 1
    assert oracle.leak(card, composite(3, "lost", -1.0, "gone")) == ALWAYS_LEAKS
