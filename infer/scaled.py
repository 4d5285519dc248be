"""A picture as a Mask R-CNN sees it. Pure arithmetic."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid


def scaled(picture: BgrImage, most_wide: int, size_wh: tuple[int, int] | None = None) -> BgrImage:
    """Return a picture (H, W, 3) uint8 in the size that a network wants.

    Args:
        picture: Of any size.
        most_wide: Pixels; a narrower picture stays as it is, and its shape is kept.
        size_wh: Of a network that takes no other size.
    """
    width = min(most_wide, picture.shape[1])
    size_wh = size_wh or (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
    level = ImagePyramid(picture).smallest_at_least(*size_wh)
    return np.asarray(cv2.resize(level, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
