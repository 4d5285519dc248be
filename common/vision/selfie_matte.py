"""Runs the selfie matte: MediaPipe selfie segmentation (landscape, Apache-2.0)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from common.vision.arrays import BgrImage, FloatMap
from common.vision.litert import Network
from common.vision.pyramid import ImagePyramid

MATTE_SIZE_WH = (256, 144)
# a level less than 1.5 times as large would hardly be reduced further: fine patterns would alias
LEAST_WH = (1.5 * MATTE_SIZE_WH[0], 1.5 * MATTE_SIZE_WH[1])
WHITE = np.float32(1 / 255)


class Matte:
    """Compute for each pixel how likely it belongs to a person.

    Args:
        path: The .tflite file.

    Raises:
        ModelError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._network = Network(path)

    def infer(self, picture: BgrImage) -> FloatMap:
        """Return the probability of "person", (144, 256) float32 in 0..1, for a picture (H, W, 3) uint8 BGR of any size."""
        level = ImagePyramid(picture).smallest_at_least(*LEAST_WH)
        small = cv2.resize(level, MATTE_SIZE_WH, interpolation=cv2.INTER_LINEAR)
        (likely,) = self._network(np.multiply(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), WHITE)[None])
        return likely.reshape(MATTE_SIZE_WH[::-1])
