"""Blur the picture so that nobody can be recognised. Pure arithmetic on arrays.

Whether a face can be recognised depends on the number of cells across the face, not on the number of pixels. A box blur of b
pixels keeps about as much as a Gaussian of sigma b / 3.46, and people are not recognised with fewer than about 10 cells across a
face (Harmon and Julesz 1973; Bachmann 1991). So sigma is a share of the picture's height: at the default of 1/30 a face that is a
third as high as the picture keeps 3 such boxes.

A Gaussian alone can be reversed as far as the noise allows. So the picture is also sampled on a grid with a pitch of 1.5 sigma, 20
rows at the default. Such a face is then 7 rows of numbers, and no deconvolution finds more. Half of the smoothing is done before
the grid, so that nothing flickers when it moves from cell to cell, and half after it, so that cells are not visible.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha, placed

DEFAULT_SIGMA, LEAST_SIGMA = 1 / 30, 1 / 35  # of the picture's height
# pixels: `--kernel` refers to a picture of this width, to which the tutorial resizes every frame
KERNEL_WIDTH = 600
PITCH = 1.5  # of the grid, in sigmas
FINE = 4  # the picture is reduced to cells of a quarter of the pitch, and all smoothing is done on these
# Standard deviations in fine cells. Variances add up, in pitches squared: 1/12 for the mean over a grid cell, 1/9 for the Gaussian
# before it, 1/6 for the bilinear enlargement of the grid, 1/96 for that of the fine cells; the second Gaussian adds the rest.
BEFORE = FINE / 3
AFTER = FINE * (1 / PITCH**2 - 1 / 12 - 1 / 9 - 1 / 6 - 1 / 96) ** 0.5
KERNEL = (9, 9)  # fine cells: more than three standard deviations to each side
LEAST_WEIGHT = 1 / 1024  # avoids division by 0 deep inside the person, where the blur is covered anyway


class Strength(NamedTuple):
    """Standard deviation of the blur in pixels, and whether it was raised to the allowed minimum."""

    sigma: float
    raised: bool


def sigma_of(kernel: int) -> float:
    """Return the standard deviation that cv2.GaussianBlur derives from a kernel size (documentation of getGaussianKernel)."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def least_sigma(size_wh: tuple[int, int]) -> float:
    """Return the standard deviation that hides a face in a frame of `size_wh`, pixels, and may not be undercut."""
    return LEAST_SIGMA * size_wh[1]


def strength_of(kernel: int, size_wh: tuple[int, int]) -> Strength:
    """Return how strongly a frame is blurred.

    Args:
        kernel: The value of `--kernel`: odd, in pixels of a picture of `KERNEL_WIDTH`; 0 is the default strength.
        size_wh: Size of the frame, pixels.
    """
    width, height = size_wh
    if kernel == 0:
        return Strength(DEFAULT_SIGMA * height, raised=False)
    wanted, least = sigma_of(kernel) * width / KERNEL_WIDTH, least_sigma(size_wh)
    return Strength(max(wanted, least), raised=wanted < least)


def blur(pyramid: ImagePyramid, sigma: float, alpha: Alpha | None = None, into: BgrImage | None = None) -> BgrImage:
    """Hide a picture: smooth it by `sigma` and sample it on the grid.

    Args:
        pyramid: The picture (H, W, 3) and its reduced copies.
        sigma: Least standard deviation, pixels. It may be slightly more, because the grid has a whole number of cells.
        alpha: The person. Pixels are weighted by the share that is *not* the person, so that its colours do not bleed out.
        into: An array of the picture's shape, which is filled and returned; None for a new one.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    height, width = pyramid.picture.shape[:2]
    grid_wh = max(1, int(width / (PITCH * sigma) + 1e-6)), max(1, int(height / (PITCH * sigma) + 1e-6))
    small = _reduced(pyramid, grid_wh).astype(np.float32)
    if alpha is None or not alpha.opacity.size:
        hidden = _through_grid(small, grid_wh)
    else:
        weight = np.maximum(_weight(alpha, (height, width), grid_wh), LEAST_WEIGHT)
        # normalised convolution (Knutsson and Westin 1993): blur(picture · weight) / blur(weight)
        weighted = cv2.multiply(small, cv2.merge([weight] * 3))
        summed, total = _through_grid(weighted, grid_wh), _through_grid(weight, grid_wh)
        hidden = cv2.divide(summed, cv2.merge([total] * 3))
    enlarged: BgrImage = cv2.resize(cv2.convertScaleAbs(hidden), (width, height), into, interpolation=cv2.INTER_LINEAR)
    return enlarged


def _reduced(pyramid: ImagePyramid, grid_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture in fine cells."""
    fine_wh = (FINE * grid_wh[0], FINE * grid_wh[1])
    return np.asarray(
        cv2.resize(pyramid.smallest_at_least(*fine_wh), fine_wh, interpolation=cv2.INTER_LINEAR), np.uint8
    )


def _weight(alpha: Alpha, shape: tuple[int, int], grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return the weight of each fine cell, (h, w) float32: 1 without the person, falling to 0 where the person fills half of the
    cell, because the mean colour of such a cell is partly the person's.
    """
    whole = placed(alpha, shape[::-1])
    return np.asarray(1 - 2 * _reduced(ImagePyramid(whole), grid_wh).astype(np.float32) / 255, np.float32)


def _through_grid(fine: NDArray[np.float32], grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth fine cells (h, w, C) and sample them on the grid, so that nothing finer than the grid is left."""
    coarse = cv2.resize(cv2.GaussianBlur(fine, KERNEL, BEFORE), grid_wh, interpolation=cv2.INTER_AREA)
    back = cv2.resize(coarse, (fine.shape[1], fine.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(back, KERNEL, AFTER), np.float32)
