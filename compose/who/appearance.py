"""Describe a person's appearance in a small picture: the colours of the head, of the upper and of the lower half. Pure.

Colours do not identify anybody. They can only tell that a person is *not* the one who was there before, so
compose/who/subject.py compares places first.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask
from compose.who.light import in_light, limited, room_pixels

Appearance = NDArray[np.float32]

# parts of a person that are compared, as shares of its height: the head, the upper half, the lower half. If two people wear the same
# jumper, it fills most of both halves, but nothing of the head
PARTS = ((0.0, 0.25), (0.0, 0.5), (0.5, 1.0))
HISTOGRAM_BINS = (18, 8, 16)  # hue, saturation, value; smoothed, so that slightly more light is not another colour
LEAST_PX = 12  # of a person, without its edge
BESIDE = 9  # grid pixels, odd: pixels so near to people do not count as the room


def appearance_of(small: BgrImage, area: SoftMask) -> Appearance | None:
    """Return smoothed colour histograms of the parts of a person, (3, bins), each with the sum 1; None if it is too small.

    Args:
        small: (h, w, 3) uint8 BGR on the grid.
        area: (h, w) uint8, 255 inside.
    """
    inside = cv2.erode(area, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(inside) < LEAST_PX:
        return None
    x, top, w, height = cv2.boundingRect(inside)
    box = np.s_[top : top + height, x : x + w]
    hsv, within = cv2.cvtColor(np.ascontiguousarray(small[box]), cv2.COLOR_BGR2HSV), inside[box]
    found = []
    for begin, end in PARTS:
        part = np.zeros_like(within)
        rows = slice(int(begin * height), max(int(end * height), 1))
        part[rows] = within[rows]
        counted = _soft(cv2.calcHist([hsv], [0, 1, 2], part, list(HISTOGRAM_BINS), [0, 180, 0, 256, 0, 256]))
        found.append(counted.ravel() / max(1.0, float(counted.sum())))
    return np.asarray(found, np.float32)


def _soft(counts: NDArray[np.floating]) -> NDArray[np.float32]:
    """Smooth counts (hue, saturation, value): each bin gives half to its neighbours along each axis. Hue is a circle."""
    counts = 0.5 * counts + 0.25 * (np.roll(counts, 1, 0) + np.roll(counts, -1, 0))
    for axis in (1, 2):
        ends = np.moveaxis(counts, axis, 0)
        wide = np.concatenate([ends[:1], ends, ends[-1:]])
        counts = np.moveaxis(0.5 * ends + 0.25 * (wide[:-2] + wide[2:]), 0, axis)
    return np.asarray(counts, np.float32)


def part_similarities(one: Appearance | None, other: Appearance | None) -> NDArray[np.float32]:
    """Return the Bhattacharyya coefficient of each part of two appearances, (3,) 0..1; 0 if one is unknown."""
    if one is None or other is None:
        return np.zeros(len(PARTS), np.float32)
    return np.asarray(np.sqrt(one * other).sum(1), np.float32)


def similarity(one: Appearance | None, other: Appearance | None) -> float:
    """Return the mean of `part_similarities`, 0..1."""
    return float(part_similarities(one, other).mean())


class Light:
    """Compensates changes of exposure and white balance, so that they do not change a person's appearance.

    A camera adjusts itself whenever somebody leaves or comes. The change is measured on the room, which stays the same.
    """

    def __init__(self) -> None:
        self._kept: tuple[BgrImage, SoftMask, NDArray[np.float64]] | None = None
        self._now: tuple[BgrImage, SoftMask, NDArray[np.float64]] | None = None

    def compensate(self, small: BgrImage, people: SoftMask) -> BgrImage:
        """Return a picture as it would be in the light of the first one.

        Args:
            small: (h, w, 3) uint8 BGR.
            people: (h, w) uint8, 255 where people are.
        """
        room = np.asarray(cv2.bitwise_not(cv2.dilate(people, np.ones((BESIDE, BESIDE), np.uint8))), np.uint8)
        gain = np.ones(3)
        if self._kept is not None:
            then, free, gain = self._kept
            if (pixels := room_pixels(then, small, np.asarray(cv2.bitwise_and(free, room), np.uint8))) is not None:
                was, now = pixels
                gain = limited(gain * np.median(was / now, axis=0))
        self._now = small, room, gain
        return in_light(small, gain)

    def remember(self) -> None:
        """Compare later pictures with the last one, in which the subject was found."""
        self._kept = self._now
