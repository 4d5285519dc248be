"""Find the cuts of a recording: frames that show another shot than the frame before. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid

BINS = (8, 4, 4)  # hue, saturation, value
# a cut changes the colours of the whole picture and most of its pixels. Within the shots of ../shared the first is at most 0.11,
# from one person before a wall to another before a similar wall 0.24
LEAST_COLOURS = 0.2  # Hellinger distance of the histograms, 0..1
LEAST_GREY = 20.0  # mean difference, grey levels
SIZE_WH = (64, 36)  # pixels at which pictures are compared


class CutDetector:
    """Compares each picture with the one before it."""

    def __init__(self) -> None:
        self._before: tuple[BgrImage, cv2.typing.MatLike] | None = None

    def is_cut(self, picture: BgrImage) -> bool:
        """Return whether a picture, (H, W, 3) uint8 BGR, begins another shot. The first picture does not."""
        small = ImagePyramid(picture).smallest_at_least(*SIZE_WH)
        small = np.asarray(cv2.resize(small, SIZE_WH, interpolation=cv2.INTER_AREA), np.uint8)
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256])
        before, self._before = self._before, (small, counts)
        if before is None:
            return False
        if float(np.mean(cv2.mean(cv2.absdiff(before[0], small))[:3])) < LEAST_GREY:
            return False
        return cv2.compareHist(before[1], counts, cv2.HISTCMP_BHATTACHARYYA) > LEAST_COLOURS
