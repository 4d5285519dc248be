from __future__ import annotations

import numpy as np
import pytest

from capture.sprite import Pose, Sprite, paste, pieces

SIZE = (160, 90)


def drawn(sprite: Sprite, foot: tuple[float, float], pose: Pose) -> np.ndarray:
    picture = np.zeros((*SIZE[::-1], 3), np.uint8)
    for piece in pieces(sprite, foot, pose, SIZE):
        paste(picture, piece)
    return picture


@pytest.fixture(scope="module")
def noise() -> Sprite:
    rng = np.random.default_rng(1)
    return Sprite(rng.integers(0, 256, (60, 41, 3), np.uint8), np.full((60, 41), 255, np.uint8))


def test_a_sprite_without_a_pose_is_drawn_unchanged(noise: Sprite) -> None:
    picture = drawn(noise, (80, 90), Pose())
    assert (picture[30:90, 60:101] == noise.colour).all()
    picture[30:90, 60:101] = 0
    assert not picture.any()


@pytest.mark.parametrize("foot", [(-10.0, 95.0), (155.0, 130.0), (80.0, 400.0), (300.0, 90.0)])
def test_a_sprite_is_clipped_to_the_picture(noise: Sprite, foot: tuple[float, float]) -> None:
    x, y = round(foot[0]) - 20, round(foot[1]) - 60
    canvas = np.zeros((600, 600, 3), np.uint8)
    canvas[100 + y : 160 + y, 100 + x : 141 + x] = noise.colour
    assert (drawn(noise, foot, Pose()) == canvas[100 : 100 + SIZE[1], 100 : 100 + SIZE[0]]).all()


@pytest.mark.parametrize("pose", [Pose(0.05, -0.04, 0.02), Pose(-0.08, 0.05, 0.0), Pose(0.0, 0.03, 0.013)])
@pytest.mark.parametrize("foot", [(80.0, 91.0), (80.3, 91.4), (79.6, 92.2)])
def test_head_and_body_meet_without_a_gap(pose: Pose, foot: tuple[float, float]) -> None:
    sprite = Sprite(np.full((60, 41, 3), 200, np.uint8), np.full((60, 41), 255, np.uint8))
    picture = drawn(sprite, foot, pose)[..., 0]
    top = foot[1] - 60 * (1 + pose.breath)
    for row in range(int(top) + 2, SIZE[1]):
        assert 39 <= (picture[row] == 200).sum() <= 42, row
    middles = [np.flatnonzero(picture[row]).mean() for row in range(int(top) + 3, SIZE[1])]
    assert np.abs(np.diff(middles)).max() < 1.1, "nothing is shifted from one row to the next"


def test_a_soft_edge_is_blended_with_the_background() -> None:
    alpha = np.full((60, 41), 255, np.uint8)
    alpha[:, 0] = 128
    picture = np.full((*SIZE[::-1], 3), 100, np.uint8)
    for piece in pieces(Sprite(np.full((60, 41, 3), 200, np.uint8), alpha), (80, 90), Pose(), SIZE):
        paste(picture, piece)
    assert picture[60, 59:62, 0] == pytest.approx([100, 150, 200], abs=1)
