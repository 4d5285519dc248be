"""Text in a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_caption(picture: NDArray[np.uint8], lines: list[str]) -> None:
    """Write lines into the upper left corner of (H, W, 3) uint8 BGR on a dark ground, sized to the picture."""
    scale = max(picture.shape[0] / 720, 0.5)
    step = round(26 * scale)
    wide = max(cv2.getTextSize(line, FONT, 0.6 * scale, 1)[0][0] for line in lines) + round(20 * scale)
    ground = picture[: step * len(lines) + round(10 * scale), :wide]
    ground[:] = ground // 4
    for number, line in enumerate(lines, 1):
        at = (round(10 * scale), round(number * step))
        cv2.putText(picture, line, at, FONT, 0.6 * scale, (255, 255, 255), 1, cv2.LINE_AA)
