"""The blur that hides: how strong it must be, and how it is made. Pure arithmetic on arrays.

How much of a face can be told depends on how many cells lie across the face, whatever the number of pixels. A blur by a
box of b pixels carries about as much as a Gaussian of sigma b / 3.46, and below some 10 cells across a face people are
not recognised (Harmon and Julesz 1973; Bachmann 1991). So sigma is a share of the picture's height: at the default of
1/30 a face a third of the picture high keeps 3 such boxes.

A Gaussian alone can be undone as far as the noise allows. So the picture also passes a grid with a pitch of 1.5 sigma, 20
rows at the default: a face a third of the picture high is then 7 rows of numbers, and no deconvolution finds more. Half of
the smoothing comes before the grid, so that nothing flickers as it moves from cell to cell, and half after it, so that no
cell can be seen.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha

DEFAULT_SIGMA, LEAST_SIGMA = 1 / 30, 1 / 35  # of the picture's height
# pixels: `--kernel` is counted in a picture of this width, which the tutorial resizes every frame to
KERNEL_WIDTH = 600
PITCH = 1.5  # of the grid, in sigmas
FINE = 4  # the picture is reduced to cells of a quarter of the pitch; all smoothing is done on them
# Standard deviations in fine cells. Variances add up, in pitches squared: the mean over a grid cell 1/12, the Gaussian
# before it 1/9, bilinear enlargement of the grid 1/6 and of the fine cells 1/96, the Gaussian between them the rest.
BEFORE = FINE / 3
AFTER = FINE * (1 / PITCH**2 - 1 / 12 - 1 / 9 - 1 / 6 - 1 / 96) ** 0.5
KERNEL = (9, 9)  # fine cells: more than three standard deviations to each side
LEAST_WEIGHT = 1 / 1024  # deep inside the person nothing else is near; it is covered anyway


class Strength(NamedTuple):
    """Standard deviation of the blur in pixels, and whether it was raised to the least that is allowed."""

    sigma: float
    raised: bool


def sigma_of(kernel: int) -> float:
    """Standard deviation that cv2.GaussianBlur derives from a kernel size (documentation of getGaussianKernel)."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def strength_of(kernel: int, size_wh: tuple[int, int]) -> Strength:
    """How strongly a frame of `size_wh` is blurred.

    Args:
        kernel: Of `--kernel`: odd, pixels of a picture `KERNEL_WIDTH` wide; 0 is the default.
        size_wh: Pixels.
    """
    width, height = size_wh
    if kernel == 0:
        return Strength(DEFAULT_SIGMA * height, raised=False)
    wanted, least = sigma_of(kernel) * width / KERNEL_WIDTH, LEAST_SIGMA * height
    return Strength(max(wanted, least), raised=wanted < least)


def blur(pyramid: ImagePyramid, sigma: float, alpha: Alpha | None = None, into: BgrImage | None = None) -> BgrImage:
    """Hide a picture: smooth it by `sigma` and pass it through the grid.

    Args:
        pyramid: Of the picture (H, W, 3).
        sigma: Pixels, at least; the grid is a whole number of cells, so it may be a little more.
        alpha: The person. Its pixels count in proportion to what is *not* the person, so that no colour bleeds out.
        into: Filled and returned, of the picture's shape; None: a new one.

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
    """The picture in fine cells."""
    fine_wh = (FINE * grid_wh[0], FINE * grid_wh[1])
    return np.asarray(
        cv2.resize(pyramid.smallest_at_least(*fine_wh), fine_wh, interpolation=cv2.INTER_LINEAR), np.uint8
    )


def _weight(alpha: Alpha, shape: tuple[int, int], grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) float32: how much each fine cell counts, 1 without the person, 0 where the person fills half of it: the mean
    colour of such a cell is partly the person's."""
    whole = np.zeros(shape, np.uint8)
    x0, y0, x1, y1 = alpha.box_xyxy
    whole[y0:y1, x0:x1] = alpha.opacity
    return np.asarray(1 - 2 * _reduced(ImagePyramid(whole), grid_wh).astype(np.float32) / 255, np.float32)


def _through_grid(fine: NDArray[np.float32], grid_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth fine cells (h, w, C) and sample them by a grid: nothing finer than the grid comes out."""
    coarse = cv2.resize(cv2.GaussianBlur(fine, KERNEL, BEFORE), grid_wh, interpolation=cv2.INTER_AREA)
    back = cv2.resize(coarse, (fine.shape[1], fine.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(back, KERNEL, AFTER), np.float32)
