from __future__ import annotations

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha
from compose.picture.blur import DEFAULT_SIGMA, LEAST_SIGMA, PITCH, blur, sigma_of, strength_of

SIZES_WH = [(320, 180), (640, 480), (1280, 720), (720, 1280), (1920, 1080), (3840, 2160)]


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return DemoScene(1280, 720, 30).frame(100)


def noise_of(size_wh: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)


@pytest.mark.parametrize("sigma", [720 / 35, 24.0, 40.0, 97.0])
def test_the_blur_is_as_strong_as_the_gaussian(picture: np.ndarray, sigma: float) -> None:
    """A sigma of 97 pixels leaves four rows of cells, whose borders differ from the Gaussian's."""
    assert cv2.PSNR(blur(ImagePyramid(picture), sigma), cv2.GaussianBlur(picture, (0, 0), sigma)) >= 36


@pytest.mark.parametrize("size_wh", SIZES_WH)
def test_the_default_is_a_share_of_the_height_at_every_size(size_wh: tuple[int, int]) -> None:
    assert strength_of(0, size_wh) == (size_wh[1] / 30, False)


@pytest.mark.parametrize("size_wh", SIZES_WH)
@pytest.mark.parametrize("kernel", [1, 15, 41, 61, 101, 301])
def test_no_kernel_is_weaker_than_the_floor(kernel: int, size_wh: tuple[int, int]) -> None:
    sigma, raised = strength_of(kernel, size_wh)
    asked = sigma_of(kernel) * size_wh[0] / 600
    assert sigma >= size_wh[1] * LEAST_SIGMA
    assert raised == (asked < size_wh[1] * LEAST_SIGMA)
    assert sigma == (size_wh[1] * LEAST_SIGMA if raised else asked)


def test_the_tutorials_kernel_is_raised() -> None:
    assert strength_of(41, (600, 338)).raised
    assert not strength_of(301, (600, 338)).raised


def test_sigma_is_opencvs() -> None:
    for kernel in (15, 41, 99):
        expected = cv2.getGaussianKernel(kernel, sigma_of(kernel))
        assert np.allclose(cv2.getGaussianKernel(kernel, 0), expected)


@pytest.mark.parametrize("size_wh", [(640, 360), (1920, 1080)])
@pytest.mark.parametrize("share", [DEFAULT_SIGMA, LEAST_SIGMA])
def test_no_more_numbers_come_out_than_the_grid_has_cells(share: float, size_wh: tuple[int, int]) -> None:
    """Whatever went in, the output is a linear combination of one number a cell, so the outputs of many pictures span no
    more dimensions than that. A Gaussian of the same strength, the control, passes more."""
    width, height = 64, size_wh[1]  # a strip is enough
    sigma = share * height
    cells = max(1, int(width / (PITCH * sigma))) * int(height / (PITCH * sigma) + 1e-6)
    pictures = [noise_of((width, height), seed) for seed in range(2 * cells)]  # twice as many as may be told apart

    def dimensions(outputs: list[np.ndarray]) -> int:
        """Of the space that the outputs span, but for what rounding to whole grey levels adds."""
        rows = np.stack([o[::4, ::4, 0].ravel().astype(np.float64) for o in outputs])
        values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
        rounding = 0.29 * (
            np.sqrt(rows.shape[0]) + np.sqrt(rows.shape[1])
        )  # sigma of rounding, Marchenko and Pastur 1967
        return int((values > 1.5 * rounding).sum())

    assert dimensions([blur(ImagePyramid(p), sigma) for p in pictures]) <= cells
    assert dimensions([cv2.GaussianBlur(p, (0, 0), sigma) for p in pictures]) > cells


def test_what_moves_does_not_flicker(picture: np.ndarray) -> None:
    """A grid that stands still must not be seen when the picture moves over it: the blur of a moved picture is the moved
    blur, but for a few grey levels. Tiles of the same pitch, the control, jump."""
    sigma, moved = 24.0, 9
    pitch = round(PITCH * sigma)

    def tiles(of: np.ndarray) -> np.ndarray:
        small = cv2.resize(of, (1280 // pitch, 720 // pitch), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (1280, 720), interpolation=cv2.INTER_NEAREST))

    def jump(hide: object) -> float:
        assert callable(hide)
        still, later = hide(picture), hide(np.roll(picture, moved, 1))
        apart = cv2.absdiff(np.roll(still, moved, 1), later)[:, 100:-100]
        return float(np.percentile(apart, 99))

    assert jump(lambda p: blur(ImagePyramid(p), sigma)) <= 8
    assert jump(tiles) > 24


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 2), (65, 97), (176, 144), (1280, 40), (32, 32)])
def test_any_size_can_be_blurred(size_wh: tuple[int, int]) -> None:
    flat = np.full((size_wh[1], size_wh[0], 3), 77, np.uint8)
    assert (np.abs(blur(ImagePyramid(flat), size_wh[1] / 30).astype(int) - 77) <= 1).all()


@pytest.mark.parametrize("size_wh", [(1280, 720), (61, 43)])
def test_it_fills_what_it_is_given(size_wh: tuple[int, int]) -> None:
    noise = noise_of(size_wh, 2)
    slots = np.zeros((2, *noise.shape), np.uint8)
    assert blur(ImagePyramid(noise), 6.5, None, slots[1]) is not None
    assert (slots[1] == blur(ImagePyramid(noise), 6.5)).all() and not slots[0].any()


def test_the_person_does_not_bleed_into_the_background() -> None:
    picture = np.full((200, 300, 3), 50, np.uint8)
    picture[60:140, 100:200] = (0, 0, 255)
    alpha = Alpha(np.full((80, 100), 255, np.uint8), (100, 60, 200, 140))
    outside = np.ones((200, 300), bool)
    outside[60:140, 100:200] = False
    weighted, plain = blur(ImagePyramid(picture), 6.7, alpha), blur(ImagePyramid(picture), 6.7)
    assert np.abs(weighted[outside].astype(int) - 50).max() <= 8
    assert np.abs(plain[outside].astype(int) - 50).max() > 60, "the plain blur does bleed: the check can fail"
