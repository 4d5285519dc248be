"""Resizes a picture for a Mask R-CNN. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid


def scaled(picture: BgrImage, most_wide: int, size_wh: tuple[int, int] | None = None) -> BgrImage:
    """Resize a picture (H, W, 3) uint8 for a network.

    Args:
        picture: Of any size.
        most_wide: Maximum width in pixels. The aspect ratio is kept, and a narrower picture is not resized.
        size_wh: Fixed input size of the network, None if it accepts any.
    """
    width = min(most_wide, picture.shape[1])
    size_wh = size_wh or (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
    level = ImagePyramid(picture).smallest_at_least(*size_wh)
    return np.asarray(cv2.resize(level, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
