from __future__ import annotations

import cv2
import numpy as np
import pytest

from common.vision.arrays import BgrImage, FloatMap
from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import MATTE_SIZE_WH, Matte
from compose.picture.alpha import placed
from compose.picture.matte_edge import (
    OLD_NS,
    OLDEST_NS,
    MatteEdge,
    MattePace,
    bound_of,
    edge_alpha,
    hysteresis_box,
    padded_box,
    temporal_smooth,
    warp_probability,
    without_bites,
)
from compose.who.flow import FlowMeter
from compose.who.region_state import RegionState
from tests.compose.who.test_region import EMPTY, WH, WHOLE, block

EVERYWHERE = np.full((144, 256), 255, np.uint8)


def test_a_box_is_kept_until_the_area_comes_near_its_edge_or_shrinks() -> None:
    first = hysteresis_box(None, block(100))
    assert first == padded_box(block(100))
    assert hysteresis_box(first, block(103)) == first
    assert hysteresis_box(first, block(115)) == padded_box(block(115))
    small = block(110, 70, 15, 20)
    assert hysteresis_box(first, small) == padded_box(small)


@pytest.mark.parametrize(
    ("before", "now", "still", "held"),
    [(110, 130, True, True), (110, 130, False, False), (20, 240, True, False), (230, 250, True, False)],
)
def test_only_what_is_uncertain_still_and_hardly_changed_is_steadied(
    before: int, now: int, still: bool, held: bool
) -> None:
    maps = [np.full((4, 4), value, np.uint8) for value in (now, before, 255 if still else 0)]
    found = int(temporal_smooth(*maps)[0, 0])
    assert abs(found - now) > 5 if held else abs(found - now) <= 2


def test_what_was_there_leaves_no_ghost() -> None:
    """Something seen for long is gone in the very frame in which the matte says so."""
    likely = np.full((4, 4), 255, np.uint8)
    for _ in range(30):
        likely = temporal_smooth(np.full((4, 4), 240, np.uint8), likely, np.full((4, 4), 255, np.uint8))
    assert temporal_smooth(np.zeros((4, 4), np.uint8), likely, np.full((4, 4), 255, np.uint8)).max() == 0


def test_between_two_mattes_the_last_one_moves_with_the_picture() -> None:
    rng = np.random.default_rng(5)
    before = cv2.blur(rng.integers(0, 255, WH[::-1], np.uint8), (5, 5))
    now = np.roll(before, 4, axis=1)
    meter = FlowMeter()
    meter.measure(before)
    flow = meter.measure(now)
    assert flow is not None
    area, box = block(100), padded_box(block(100))
    likely = cv2.resize(area[box[1] : box[3], box[0] : box[2]], (256, 144), interpolation=cv2.INTER_LINEAR)
    moved = warp_probability(np.asarray(likely, np.uint8), flow, np.asarray(np.roll(area, 4, axis=1), np.uint8), box)
    expected = cv2.resize(np.roll(area, 4, axis=1)[box[1] : box[3], box[0] : box[2]], (256, 144))
    assert ((moved > 127) != (expected > 127)).mean() < 0.02
    assert ((likely > 127) != (expected > 127)).mean() > 0.03


def state(
    frozen: bool = False, others: np.ndarray = EMPTY, certain: np.ndarray = EMPTY, unassigned: np.ndarray = EMPTY
) -> RegionState:
    mine = block(100)
    return RegionState(1, 33_333_333, mine, mine, mine, others, certain, unassigned, 2.0, 0, frozen)


def test_with_age_and_doubt_there_is_less_room() -> None:
    rooms = [bound_of(state(frozen), WHOLE, age) for frozen, age in ((False, 0), (False, OLDEST_NS), (True, 0))]
    assert all(room is not None for room in rooms)
    sizes = [int((room > 127).sum()) for room in rooms if room is not None]
    assert sizes[0] > sizes[1] == sizes[2] >= 40 * 80
    assert bound_of(state(), WHOLE, OLD_NS) is not None


def test_beside_somebody_whom_no_result_explains_more_is_hidden() -> None:
    stray, far = block(140), block(200)
    plain, beside, apart = (bound_of(state(unassigned=one), WHOLE, 0) for one in (EMPTY, stray, far))
    assert plain is not None and beside is not None and apart is not None
    assert not beside[:, 138:].any(), "two grid pixels beyond the stray"
    assert (plain[60:100, 138:141] > 127).all()
    assert (apart == plain).all()


def test_between_two_people_the_edge_is_hidden() -> None:
    whole = placed(edge_alpha(state(others=block(140)), EVERYWHERE, WHOLE, WHOLE, 0), WH)
    assert (whole[40:120, 100:138] == 255).all()
    assert not whole[block(140) > 0].any()


def test_where_the_region_says_no_nothing_of_the_matte_is_seen() -> None:
    whole = placed(edge_alpha(state(), EVERYWHERE, WHOLE, (0, 0, 1024, 576), 0), (1024, 576))
    allowed = np.zeros((576, 1024), np.bool_)
    allowed[(40 - 4) * 4 : (120 + 4) * 4, (100 - 4) * 4 : (140 + 4) * 4] = True
    assert (whole[~allowed] <= 0.05 * 255).all() and whole.any()


def test_what_the_result_was_sure_of_is_seen_although_the_matte_misses_it() -> None:
    alpha = edge_alpha(state(certain=block(110, 60, 20, 40)), EMPTY, WHOLE, WHOLE, 0)
    assert alpha.box_xyxy[0] >= 108 and (alpha.opacity == 255).sum() > 18 * 38


def test_a_bite_at_the_picture_s_lower_edge_is_filled() -> None:
    area = block(60, 40, 100, 104)
    likely = area.copy()
    likely[-3:, 100:108] = 0
    standing = state()._replace(subject=area, confirmed=area, recent=area)
    whole = placed(edge_alpha(standing, likely, WHOLE, WHOLE, 0), WH)
    assert (whole[-4:, 64:156] == 255).all()


def test_what_only_ends_near_the_lower_edge_is_not_drawn_down() -> None:
    likely = block(60, 40, 100, 104)
    likely[-3:, 60:72] = 0  # an elbow: nothing of the person is beside it
    likely[60:, 80:86] = 0  # between an arm and the body: nothing of the person is above
    likely[-20:, 110:118] = 0  # larger than a bite
    assert (without_bites(likely, (1, 1)) == likely).all()


def test_nothing_is_filled_where_others_may_be_or_above_the_picture_s_edge() -> None:
    area = block(60, 40, 100, 104)
    likely = area.copy()
    likely[-3:, 100:108] = 0
    others = block(100, 130, 8, 14)
    standing = state(others=others)._replace(subject=area & ~others, confirmed=area & ~others, recent=area & ~others)
    assert not placed(edge_alpha(standing, likely, WHOLE, WHOLE, 0), WH)[others > 0].any()
    above = (0, 0, WH[0], WH[1] - 2)
    bitten = placed(edge_alpha(state()._replace(subject=area), likely, above, above, 0), WH)
    assert not bitten[-4:-2, 102:106].any()


def test_the_parts_of_the_room_too_are_looked_at_as_often_as_the_governor_says() -> None:
    part, edge = np.zeros((360, 160, 3), np.uint8), MatteEdge(Matte(fetch(MATTE)), MattePace(3))
    looked = [edge.likely_in(part) is not None for _ in range(9)]
    assert looked == [False, False, True] * 3
    assert MatteEdge(Matte(fetch(MATTE)), MattePace()).likely_in(part[:, :0]) is None, "of a picture three pixels wide"


def test_a_fine_pattern_in_a_high_and_narrow_part_does_not_alias() -> None:
    class Shown(Matte):
        """Shows the part that it gets instead of a probability."""

        def __init__(self) -> None:
            pass

        def infer(self, picture: BgrImage) -> FloatMap:
            return picture[..., 0].astype(np.float32)

    rows = np.where(np.arange(360) // 2 % 2, 255, 0).astype(np.uint8)
    part = np.ascontiguousarray(np.broadcast_to(rows[:, None, None], (360, 160, 3)))
    shown = MatteEdge(Shown(), MattePace()).likely_in(part)
    plain = cv2.resize(part, MATTE_SIZE_WH, interpolation=cv2.INTER_LINEAR)
    assert shown is not None
    assert shown.std() < plain.std() / 1.5
