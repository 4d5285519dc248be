from __future__ import annotations

import cv2
import numpy as np
import pytest

from compose.picture.guided_edge import guided
from compose.who.flow import FlowMeter, warp

H, W = 144, 256


def texture(seed: int, height: int, width: int) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).uniform(0, 255, (height, width)), (0, 0), 2)
    return np.asarray(cv2.normalize(noise, np.empty(0), 0, 255, cv2.NORM_MINMAX), np.uint8)


TEXTURE = texture(3, H + 40, W + 40)


def window(dx: int, dy: int = 0) -> np.ndarray:
    """The texture, moved to the right by `dx` and down by `dy` pixels."""
    return np.ascontiguousarray(TEXTURE[20 - dy : 20 - dy + H, 20 - dx : 20 - dx + W])


def disc(x: int) -> np.ndarray:
    return np.asarray(cv2.circle(np.zeros((H, W), np.uint8), (x, 72), 30, 255, cv2.FILLED), np.uint8)


def test_the_first_picture_and_one_of_another_size_have_no_flow() -> None:
    meter = FlowMeter()
    assert meter.measure(window(0)) is None
    assert meter.measure(window(1)[:100]) is None
    assert meter.measure(window(1)[:100]) is not None


@pytest.mark.parametrize("size_wh", [(256, 8), (256, 10), (256, 31), (12, 256), (8, 8)])
def test_a_flat_picture_has_a_flow_too(size_wh: tuple[int, int]) -> None:
    """OpenCV crashed on a source of 50 x 2."""
    seen, meter = texture(1, size_wh[1], size_wh[0]), FlowMeter()
    meter.measure(seen)
    flow = meter.measure(seen)
    assert flow is not None
    assert flow.x.shape == flow.sure.shape == seen.shape
    assert abs(float(np.median(flow.x - np.arange(size_wh[0])))) < 0.1


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (2, 0), (-3, 1)])
def test_what_moves_as_a_whole_is_found_sure_and_carried(dx: int, dy: int) -> None:
    meter = FlowMeter()
    meter.measure(window(0))
    flow = meter.measure(window(dx, dy))
    assert flow is not None
    inner = np.s_[20:-20, 20:-20]
    assert (flow.sure[inner] > 0).mean() > 0.9
    assert np.median(flow.backward_motion(flow.sure), axis=0) == pytest.approx((-dx, -dy), abs=0.2)
    assert flow.motion_spread(disc(120)) < 0.3
    (moved,) = warp(flow, disc(120))
    truth = cv2.warpAffine(disc(120), np.array([[1, 0, dx], [0, 1, dy]], np.float32), (W, H)) > 127
    assert ((moved > 127) & truth).sum() / ((moved > 127) | truth).sum() > 0.95


def test_an_area_is_not_dragged_along_by_what_passes_behind_it() -> None:
    """A disc stands still before a wall that moves by: at its edge pixels come up that were nowhere before."""
    front = texture(5, H, W)
    meter, area = FlowMeter(), disc(120)
    for dx in range(0, 20, 2):
        flow = meter.measure(np.where(disc(120) > 0, front, window(dx)).astype(np.uint8))
        area = warp(flow, area)[0] if flow else area
    beyond = (area > 127) & (cv2.dilate(disc(120), np.ones((5, 5), np.uint8)) == 0)
    assert beyond.sum() < 30, "of 2,827 in the disc; dragged along it would be 900"
    assert ((area > 127) & (disc(120) > 0)).sum() > 2600


def test_nothing_is_carried_from_nothing_and_another_picture_is_not_sure() -> None:
    meter = FlowMeter()
    meter.measure(window(0))
    flow = meter.measure(255 - window(0))
    assert flow is not None
    assert (flow.sure > 0).mean() < 0.2
    assert not warp(flow, np.zeros((H, W), np.uint8))[0].any()


def test_a_guided_mask_ends_where_the_picture_has_its_edge() -> None:
    picture = np.where(disc(120) > 0, 200, 40).astype(np.uint8)
    fine = cv2.resize(picture, (4 * W, 4 * H), interpolation=cv2.INTER_LINEAR)
    truth = fine > 120
    rough = cv2.dilate(disc(122), np.ones((5, 5), np.uint8))
    before = cv2.resize(rough, (4 * W, 4 * H), interpolation=cv2.INTER_LINEAR) > 127
    after = guided(rough, picture, fine) > 127

    def iou(mask: np.ndarray) -> float:
        return float((mask & truth).sum() / (mask | truth).sum())

    assert iou(after) > iou(before) + 0.03
