"""The subject's edge on the present frame: the person matte's own, bounded by the region. Pure arithmetic on arrays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from compose.alpha import NOBODY, Alpha
from compose.region import GridBox, Map, Step

PAD = 0.25  # of the region's size, on every side: the network wants to see some background
LEAST_PAD = 4  # grid pixels
LOW, HIGH = 0.35, 0.75  # smooth step: a probability below is hidden, above is shown
BOUND_REACH = 2  # grid pixels that the edge may lie outside the region


def padded(area: Map) -> GridBox:
    """Half-open box x0, y0, x1, y1 around an area (h, w) that is not empty, padded, inside the grid."""
    x, y, w, h = cv2.boundingRect(area)
    dx, dy = max(round(w * PAD), LEAST_PAD), max(round(h * PAD), LEAST_PAD)
    return max(x - dx, 0), max(y - dy, 0), min(x + w + dx, area.shape[1]), min(y + h + dy, area.shape[0])


def scaled(box: GridBox, wh: tuple[int, int], size_wh: tuple[int, int]) -> GridBox:
    """A box on the grid in pixels of the frame."""
    sx, sy = size_wh[0] / wh[0], size_wh[1] / wh[1]
    return round(box[0] * sx), round(box[1] * sy), round(box[2] * sx), round(box[3] * sy)


def smooth_step(low: float, high: float) -> NDArray[np.uint8]:
    """Table of 256 for 8-bit probabilities: 0 up to `low`, 255 from `high` (both 0..1), Hermite between."""
    t = np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1)
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)


_SHARPEN = smooth_step(LOW, HIGH)


def edge(step: Step, likely: NDArray[np.uint8], box: GridBox, pixels: GridBox) -> Alpha:
    """Alpha of the subject.

    Args:
        step: The present frame's areas.
        likely: (144, 256) uint8, the matte's probability inside `box`.
        box: Where the matte looked, on the grid.
        pixels: The same in pixels of the frame.
    """
    x0, y0, x1, y1 = box
    mine, theirs = step.subject[y0:y1, x0:x1], step.others[y0:y1, x0:x1]
    if not mine.any():
        return NOBODY
    bound = cv2.dilate(mine, np.ones((2 * BOUND_REACH + 1,) * 2, np.uint8))
    # the edge between two people goes to the hidden side
    bound = cv2.bitwise_and(bound, cv2.bitwise_not(cv2.dilate(theirs, np.ones((3, 3), np.uint8))))
    bound = cv2.GaussianBlur(bound, (3, 3), 0)
    size_wh = (pixels[2] - pixels[0], pixels[3] - pixels[1])
    sharp = cv2.LUT(cv2.resize(likely, size_wh, interpolation=cv2.INTER_LINEAR), _SHARPEN)
    opacity = cv2.min(sharp, cv2.resize(bound, size_wh, interpolation=cv2.INTER_LINEAR))
    x, y, w, h = cv2.boundingRect(opacity)  # the box was padded for the network: the blend need not be
    left, top = pixels[0] + x, pixels[1] + y
    return Alpha(opacity[y : y + h, x : x + w], (left, top, left + w, top + h))
