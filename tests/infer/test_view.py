from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from common.vision.pyramid import ImagePyramid
from infer.embedded.view import Square, crop, end_squares, paste_back, whole_square


def dot(width: int, height: int, x: float, y: float, radius: float) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    cv2.circle(picture, (round(x * 4 - 2), round(y * 4 - 2)), round(radius * 4), (255, 255, 255), cv2.FILLED, shift=2)
    return picture


def middle_of(drawn: np.ndarray) -> tuple[float, float]:
    """x, y of the mean of what is bright, as a continuous point."""
    moments = cv2.moments(drawn if drawn.ndim == 2 else drawn[..., 0])
    return moments["m10"] / moments["m00"] + 0.5, moments["m01"] / moments["m00"] + 0.5


@pytest.mark.parametrize("square", [
    Square(640, 360, 1280), Square(500, 300, 400, 0.7), Square(900, 200, 900, -2.5), Square(700, 250, 150, math.pi),
])  # fmt: skip
def test_a_point_is_mapped_to_its_square_and_back(square: Square) -> None:
    across, down = 0.55, 0.45
    x, y = square.to_picture(np.array([[across, down]]))[0]
    picture = dot(1280, 720, x, y, square.side / 20)
    drawn = crop(ImagePyramid(picture), square, 200)
    assert middle_of(drawn) == pytest.approx((200 * across, 200 * down), abs=0.6)
    grid = paste_back(drawn[..., 0].astype(np.float32), square, (320, 180), 0.25)
    assert middle_of(grid) == pytest.approx((x / 4, y / 4), abs=0.3)


def test_the_angle_is_from_x_towards_y() -> None:
    right_of_it = Square(100, 100, 40, math.pi / 2).to_picture(np.array([[1.0, 0.5]]))
    np.testing.assert_allclose(right_of_it, [[100, 120]], atol=1e-9)


def test_a_crop_is_rgb_and_black_outside_the_picture() -> None:
    picture = np.full((100, 200, 3), (10, 20, 30), np.uint8)
    drawn = crop(ImagePyramid(picture), whole_square((200, 100)), 64)
    assert drawn[32, 32].tolist() == [30, 20, 10]
    assert not drawn[:14].any()
    assert not drawn[50:].any()


def test_a_strip_is_covered_by_few_squares() -> None:
    assert len(end_squares((16384, 64))) == 4


@pytest.mark.parametrize(("size_wh", "squares"), [
    ((1280, 720), [(360, 360), (920, 360)]), ((640, 480), [(240, 240), (400, 240)]), ((720, 1280), [(360, 360), (360, 920)]),
    ((500, 500), []), ((550, 500), []), ((3200, 900), [(450, 450), (1216.7, 450), (1983.3, 450), (2750, 450)]),
])  # fmt: skip
def test_squares_cover_a_picture_of_any_shape(size_wh: tuple[int, int], squares: list[tuple[float, float]]) -> None:
    found = end_squares(size_wh)
    assert [(round(s.x, 1), round(s.y, 1)) for s in found] == squares
    assert all(s.side == min(size_wh) for s in found)
