"""Hides pictures for tests: by an exact Gaussian blur of any strength, and as compose hides them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha
from compose.picture.blend import blend
from compose.picture.blur import blur

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PLENTY = 360  # pixels of height: larger pictures are blurred at a size between this and twice as much
LEAST_WEIGHT = 1 / 64


def edge_of(mask: Mask) -> NDArray[np.float32]:
    """(H, W) bool → opacity (H, W) float32, 0..1, with the soft edge that compose gives a mask."""
    wide = cv2.dilate(mask.astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(wide, (7, 7), 0) / 255, np.float32)


def blurred(picture: Picture, sigma: float, opacity: NDArray[np.float32] | None = None) -> Picture:
    """(H, W, 3) uint8 BGR under a Gaussian blur of `sigma` pixels, not counting what `opacity` covers."""
    height, width = picture.shape[:2]
    times = max(1, height // PLENTY)
    small_wh = (width // times, height // times)
    # reducing by area means and enlarging bilinearly blur by themselves: by a variance of (r² - 1) / 12 and r² / 6
    left = (sigma**2 - (times**2 - 1) / 12 - (times**2 / 6 if times > 1 else 0)) ** 0.5 / times
    small = cv2.resize(picture, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    if opacity is None:
        small = cv2.GaussianBlur(small, (0, 0), left)
    else:
        weight = np.maximum(1 - cv2.resize(opacity, small_wh, interpolation=cv2.INTER_AREA), LEAST_WEIGHT)[..., None]
        small = cv2.GaussianBlur(small * weight, (0, 0), left) / cv2.GaussianBlur(weight, (0, 0), left)[..., None]
    enlarged = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged.round(), np.uint8)


def shown(picture: Picture, mask: Mask, sigma: float, strength: float = 1.0) -> Picture:
    """`picture` hidden by `sigma`, but where `mask` is; with a strength below 1 that is faint."""
    opacity = edge_of(mask) * np.float32(strength)
    return over(picture, blurred(picture, sigma, opacity), opacity)


def over(front: Picture, behind: Picture, opacity: NDArray[np.float32]) -> Picture:
    """`front` where opacity is 1, `behind` where it is 0, a mixture between."""
    return np.asarray(cv2.blendLinear(front, behind, opacity, 1 - opacity), np.uint8)


def composed(picture: Picture, sigma: float, mask: Mask | None = None) -> Picture:
    """What compose makes of a picture: the blur of its own, and over it what `mask` covers."""
    if mask is None:
        return blur(ImagePyramid(picture), sigma)
    alpha = Alpha((edge_of(mask) * 255).astype(np.uint8), (0, 0, picture.shape[1], picture.shape[0]))
    into = blur(ImagePyramid(picture), sigma, alpha)
    blend(picture, alpha, into)
    return into
