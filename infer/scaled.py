"""Resizes a picture for a Mask R-CNN, and says which pictures are too small for any network. Pure."""

from __future__ import annotations

import math

import cv2
import numpy as np

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid

# pixels of the shorter side: in smaller pictures, which no camera gives, the networks find people and things that are not there
LEAST_SIDE = 48
ASPECT = 9 / 16  # height of a picture of --infer-width, relative to its width


def is_too_small(picture: BgrImage) -> bool:
    """Return whether a picture (H, W, 3) uint8 is too small for a network: nothing is found in it."""
    height, width = picture.shape[:2]
    return bool(min(height, width) < LEAST_SIDE)


def network_wh(size_wh: tuple[int, int], wide: int) -> tuple[int, int]:
    """Return the size at which a network sees a picture of `size_wh`: with the same aspect ratio, and at most the area of a picture of
    16:9 that is `wide` pixels wide. The work of a network grows with the area, so it is the same for every shape."""
    scale = min(1.0, math.sqrt(ASPECT * wide * wide / (size_wh[0] * size_wh[1])))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def scaled(picture: BgrImage, wide: int, size_wh: tuple[int, int] | None = None) -> BgrImage:
    """Resize a picture (H, W, 3) uint8 for a network.

    Args:
        picture: Of any size.
        wide: See network_wh.
        size_wh: Fixed input size of the network, None if it accepts any.
    """
    size_wh = size_wh or network_wh((picture.shape[1], picture.shape[0]), wide)
    level = ImagePyramid(picture).smallest_at_least(*size_wh)
    return np.asarray(cv2.resize(level, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
