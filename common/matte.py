"""The selfie matte: MediaPipe selfie segmentation (landscape, Apache-2.0) through cv2.dnn, about 4 ms a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common.errors import ModelError

MATTE_SIZE_WH = (256, 144)
HALVED_FROM = 3  # below, a halved picture would hardly be reduced once more, and fine patterns come out as others


class Matte:
    """How likely each pixel belongs to a person.

    Args:
        path: The .tflite file.

    Raises:
        ModelError: cv2.dnn cannot read it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._net = cv2.dnn.readNetFromTFLite(str(path))
        except cv2.error as error:
            raise ModelError(f"matte: cv2.dnn cannot read {path}: {error.err}") from None

    def infer(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of "person", (144, 256) float32 in 0..1, for a picture (H, W, 3) uint8 BGR of any size."""
        # halved first while it is much larger: a mean over fractions of pixels takes ten times as long
        while picture.shape[1] >= HALVED_FROM * MATTE_SIZE_WH[0] and picture.shape[0] >= HALVED_FROM * MATTE_SIZE_WH[1]:
            even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
            half_wh = (even.shape[1] // 2, even.shape[0] // 2)
            picture = np.asarray(cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA), np.uint8)
        small = cv2.resize(picture, MATTE_SIZE_WH, interpolation=cv2.INTER_LINEAR)
        self._net.setInput(cv2.dnn.blobFromImage(small, 1 / 255, swapRB=True))
        output: NDArray[np.float32] = self._net.forward().reshape(MATTE_SIZE_WH[::-1])
        return output
