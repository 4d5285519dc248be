from __future__ import annotations

import cv2
import numpy as np
import pytest

from common.vision.pyramid import ImagePyramid
from compose.picture.blur import LEAST_SIGMA, blur
from tests.faults.text_oracle import CHANCE, LETTERS, Hide, Page, glyphs_of, read_after

SIZE_WH = (640, 360)
MOST_READ = 0.15
FLOOR = LEAST_SIGMA * SIZE_WH[1]


def gaussian(sigma: float) -> Hide:
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


@pytest.mark.parametrize("share", [60, 40])
def test_small_text_cannot_be_read_at_the_weakest_blur(share: int) -> None:
    got = read_after(lambda p: blur(ImagePyramid(p), FLOOR), FLOOR, SIZE_WH, SIZE_WH[1] / share)
    assert got.letters >= 200
    assert max(got.plain, got.deconvolved) <= MOST_READ


def test_text_is_read_through_the_blur_of_the_tutorial() -> None:
    """The negative control: a kernel of 41 pixels at 720p is a sigma of 1/110 of the height."""
    sigma = SIZE_WH[1] / 110
    got = read_after(gaussian(sigma), sigma, SIZE_WH, SIZE_WH[1] / 30)
    assert got.deconvolved > 0.8
    assert got.deconvolved > got.plain + CHANCE, "deconvolution helps the reader"


def test_what_is_not_hidden_is_read() -> None:
    got = read_after(lambda p: p, 0.5, SIZE_WH, SIZE_WH[1] / 30)
    assert got.plain > 0.99


def test_letters_differ_and_do_not_overlap() -> None:
    glyphs = glyphs_of(12)
    assert len(glyphs) == len(LETTERS)
    apart = [np.abs(a - b).sum() for i, a in enumerate(glyphs) for b in glyphs[:i]]
    assert min(apart) > 1
    page = Page(SIZE_WH, 9)
    everything = page.written(np.ones((len(page.corners), *page.glyphs.shape[1:]), np.float32))
    assert set(np.unique(everything)) == {20.0, 255.0}, "each place is written once"
