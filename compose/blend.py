"""Blur that is cheap and does not bleed, and the blend over it. Pure arithmetic on arrays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.halves import Halves
from compose.alpha import Alpha

Picture = NDArray[np.uint8]
REDUCE = 4
REDUCED_FROM_SIGMA = 3.0  # below, a quarter of the resolution cannot carry the blur: half does
LEAST_WEIGHT = 1 / 64
# rows blended at a time, so that what is between stays in the cache: a box of 1080 rows in 1.58 ms, at once in 1.78; 32: 1.70
STRIP = 128


def sigma_of(kernel: int) -> float:
    """Standard deviation that cv2.GaussianBlur derives from a kernel size (documentation of getGaussianKernel)."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def blur(halves: Halves, kernel: int, alpha: Alpha | None = None, into: Picture | None = None) -> Picture:
    """Gaussian blur of `kernel` pixels, computed at a quarter of the resolution.

    Reducing by an area mean of r pixels is itself a blur of variance (r² - 1) / 12, and enlarging bilinearly one of
    about r² / 6; the Gaussian in between has what is left of sigma².

    Args:
        halves: Of the picture (H, W, 3).
        kernel: Odd, pixels.
        alpha: The person. Its pixels count in proportion to what is *not* the person, so that no colour bleeds out.
        into: Filled and returned, of the picture's shape; None: a new one.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    height, width = halves.picture.shape[:2]
    sigma = sigma_of(kernel)
    reduce = REDUCE if sigma >= REDUCED_FROM_SIGMA else 2
    small = _reduced(halves, reduce)
    left = max(sigma**2 - (reduce**2 - 1) / 12 - reduce**2 / 6, 0.25) ** 0.5 / reduce
    if alpha is None or not alpha.opacity.size:
        small = cv2.GaussianBlur(small, (0, 0), left)
    else:
        small = _weighted(small, _reduced_weight(alpha, (height, width), reduce), left)
    enlarged: Picture = cv2.resize(small, (width, height), into, interpolation=cv2.INTER_LINEAR)
    return enlarged


def _reduced(halves: Halves, reduce: int) -> NDArray[np.uint8]:
    """Area mean of `reduce` (a power of two) pixels, rounded up; in halves where it goes."""
    height, width = halves.picture.shape[:2]
    if height % reduce or width % reduce:
        small_wh = (-(-width // reduce), -(-height // reduce))
        return np.asarray(cv2.resize(halves.picture, small_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return halves[reduce.bit_length() - 1]


def _reduced_weight(alpha: Alpha, shape: tuple[int, int], reduce: int) -> NDArray[np.float32]:
    """(h, w) float32: how much of each reduced pixel is not the person."""
    whole = np.zeros(shape, np.uint8)
    x0, y0, x1, y1 = alpha.box_xyxy
    whole[y0:y1, x0:x1] = alpha.opacity
    return np.asarray(1 - _reduced(Halves(whole), reduce).astype(np.float32) / 255, np.float32)


def _weighted(small: Picture, weight: NDArray[np.float32], sigma: float) -> Picture:
    """Normalised convolution (Knutsson and Westin, 1993): blur(picture · weight) / blur(weight)."""
    weight = np.maximum(weight, LEAST_WEIGHT)  # deep inside the person nothing else is near; it is covered anyway
    summed = cv2.GaussianBlur(cv2.multiply(small, cv2.merge([weight] * 3), dtype=cv2.CV_32F), (0, 0), sigma)
    total = cv2.merge([cv2.GaussianBlur(weight, (0, 0), sigma)] * 3)
    return np.asarray(cv2.divide(summed, total, dtype=cv2.CV_8U), np.uint8)


def blend(picture: Picture, alpha: Alpha, into: Picture) -> None:
    """into = picture where alpha is 255, itself where it is 0, a mixture between. Both (H, W, 3) uint8 BGR."""
    x0, y0, x1, y1 = alpha.box_xyxy
    if x1 <= x0:
        return
    for top in range(y0, y1, STRIP):
        bottom = min(top + STRIP, y1)
        weight = cv2.merge([alpha.opacity[top - y0 : bottom - y0]] * 3)
        # in 8 bit, half the time of cv2.blendLinear; exact where the weight is 0 or 255, one grey level off at most between
        front = cv2.multiply(picture[top:bottom, x0:x1], weight, scale=1 / 255)
        part = into[top:bottom, x0:x1]
        cv2.add(front, cv2.multiply(part, cv2.bitwise_not(weight), scale=1 / 255), part)
