from __future__ import annotations

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.halves import Halves
from compose.alpha import Alpha
from compose.blend import STRIP, blend, blur, sigma_of


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return DemoScene(1280, 720, 30).frame(100)


@pytest.mark.parametrize("kernel", [15, 21, 41, 61, 101])
def test_the_cheap_blur_is_the_gaussian(picture: np.ndarray, kernel: int) -> None:
    assert cv2.PSNR(blur(Halves(picture), kernel), cv2.GaussianBlur(picture, (kernel, kernel), 0)) >= 40


def test_on_noise_too() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    assert cv2.PSNR(blur(Halves(noise), 41), cv2.GaussianBlur(noise, (41, 41), 0)) >= 40


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 2), (65, 97), (176, 144)])
def test_any_size_can_be_blurred(size_wh: tuple[int, int]) -> None:
    flat = np.full((size_wh[1], size_wh[0], 3), 77, np.uint8)
    assert (np.abs(blur(Halves(flat), 41).astype(int) - 77) <= 1).all()


@pytest.mark.parametrize("size_wh", [(1280, 720), (61, 43)])
def test_it_fills_what_it_is_given(size_wh: tuple[int, int]) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    slots = np.zeros((2, *noise.shape), np.uint8)
    assert blur(Halves(noise), 41, None, slots[1]) is not None
    assert (slots[1] == blur(Halves(noise), 41)).all() and not slots[0].any()


def test_sigma_is_opencvs() -> None:
    for kernel in (15, 41, 99):
        expected = cv2.getGaussianKernel(kernel, sigma_of(kernel))
        assert np.allclose(cv2.getGaussianKernel(kernel, 0), expected)


def test_the_person_does_not_bleed_into_the_background() -> None:
    picture = np.full((200, 300, 3), 50, np.uint8)
    picture[60:140, 100:200] = (0, 0, 255)
    alpha = Alpha(np.full((80, 100), 255, np.uint8), (100, 60, 200, 140))
    outside = np.ones((200, 300), bool)
    outside[60:140, 100:200] = False
    weighted, plain = blur(Halves(picture), 41, alpha), blur(Halves(picture), 41)
    assert np.abs(weighted[outside].astype(int) - 50).max() <= 6
    assert np.abs(plain[outside].astype(int) - 50).max() > 60, "the plain blur does bleed: the check can fail"


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
