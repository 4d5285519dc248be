from __future__ import annotations

import numpy as np
import pytest

from common.messages import Instance
from compose.region import COARSE, GRID_W, LEAST_REACH, Region, grid_wh, on_grid

WH = (GRID_W, 144)
WHOLE = (0, 0, *WH)
EMPTY = np.zeros(WH[::-1], np.uint8)


def block(x: float, y: int = 40, w: int = 40, h: int = 80) -> np.ndarray:
    area = np.zeros(WH[::-1], np.uint8)
    area[y : y + h, max(round(x), 0) : round(x) + w] = 255
    return area


def share(area: np.ndarray | None, of: np.ndarray) -> float:
    """How much of `of` lies in `area`."""
    assert area is not None
    return float(((area > 0) & (of > 0)).sum() / (of > 0).sum())


def test_the_grid_keeps_the_frame_s_proportions() -> None:
    assert grid_wh((1280, 720)) == (256, 144)
    assert grid_wh((720, 1280)) == (256, 455)


def test_an_instance_lies_on_the_grid_where_its_box_is() -> None:
    area = on_grid(Instance(0, 0.9, (0.25, 0.5, 0.5, 1.0), 2, 2, bytes([255, 255, 0, 0])), WH, 0.3)
    assert area.shape == WH[::-1]
    assert (area[72:90, 64:128] == 255).all() and not area[135:].any() and not area[:, :64].any()


def test_before_a_result_nobody_is_anywhere() -> None:
    assert Region().area is None
    assert Region().at(3) is None


@pytest.mark.parametrize("speed", [0.0, 1.0, 4.0, 8.0])
def test_the_region_follows_a_mover(speed: float) -> None:
    region = Region()
    region.seed(0, block(20), EMPTY)
    for frame_id in range(1, 20):
        # a fast mover is caught by results, not by rolling alone
        if frame_id % 3 == 0:
            region.seed(frame_id - 2, block(20 + speed * (frame_id - 2)), EMPTY)
        region.roll(frame_id, block(20 + speed * frame_id), WHOLE)
    assert share(region.area, block(20 + speed * 19)) > 0.95


def test_what_the_matte_does_not_call_a_person_is_nobody() -> None:
    region = Region()
    region.seed(0, block(20), EMPTY)
    assert not region.roll(1, EMPTY, WHOLE).subject.any()


def test_the_others_are_not_swallowed_where_they_touch() -> None:
    region = Region()
    region.seed(0, block(20), block(60))
    both = np.maximum(block(20), block(60))
    for frame_id in range(1, 60):
        step = region.roll(frame_id, both, WHOLE)
    assert share(step.subject, block(62, w=38)) == 0
    assert share(step.subject, block(20, w=38)) == 1


def test_somebody_unseen_who_comes_near_is_reached_slowly_and_cut_off_by_the_next_result() -> None:
    region = Region()
    region.seed(0, block(20), EMPTY)
    both = np.maximum(block(20), block(60))
    coarse = COARSE * (40 * 80) ** 0.5
    for frame_id in range(1, 4):
        region.roll(frame_id, both, WHOLE)
    assert region.area is not None
    reached = int(np.nonzero(region.area.any(0))[0].max()) - 59
    assert reached <= 3 * (2 * LEAST_REACH + 1.6 * coarse) + coarse
    region.seed(2, block(20), block(60))
    assert share(region.area, block(64, w=36)) == 0


def test_a_late_result_is_replayed_to_the_present() -> None:
    region = Region()
    region.seed(0, block(20), EMPTY)
    for frame_id in range(1, 11):
        region.roll(frame_id, block(20 + 2 * frame_id), WHOLE)
    before = region.area
    region.seed(4, block(28), EMPTY)
    assert region.at(4) is not None and share(region.at(4), block(28)) == 1
    assert region.area is not None and before is not None
    assert share(region.area, block(40)) > 0.95
    assert region.at(2) is None, "what lay before the result is of no use any more"


def test_frames_that_were_skipped_let_it_go_farther() -> None:
    region = Region()
    region.seed(0, block(20), EMPTY)
    assert share(region.roll(1, block(30), WHOLE).subject, block(30)) < 0.9
    region.seed(0, block(20), EMPTY)
    assert share(region.roll(5, block(30), WHOLE).subject, block(30)) > 0.95


def test_others_stay_where_nobody_looked() -> None:
    region = Region()
    region.seed(0, block(20), block(200))
    step = region.roll(1, block(20), (0, 0, 100, 144))
    assert share(step.others, block(200)) == 1
