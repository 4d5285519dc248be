"""What a person looks like, as far as a small picture shows it: colours of the head, of the upper and of the lower half. Pure.

Colours do not identify anybody. They can only tell that a person is *not* the one who was there before, which is why
compose/who/subject.py looks at the place first.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask

Look = NDArray[np.float32]

# rows of a person that are compared with each other, shares of its height: the head, the head's half, the other half. A
# jumper that two people share fills most of both halves, but nothing of the first quarter
PARTS = ((0.0, 0.25), (0.0, 0.5), (0.5, 1.0))
LOOK_BINS = (18, 8, 16)  # hue, saturation, value; counted softly, so that a little more light is not another colour
LEAST_PX = 12  # of a person, less its edge
STEP = 4  # every so many rows and columns are enough to measure the light
LEAST_ROOM = 60  # of those pixels, free of people in two pictures and neither black nor white: fewer say nothing
DARK, BRIGHT = 16, 240  # grey levels beyond which a pixel does not tell how the light changed
BESIDE = 9  # grid pixels, odd: so far around people the picture does not count as the room
MOST_GAIN = 2.0  # another light than that is another picture


def look_of(small: BgrImage, area: SoftMask) -> Look | None:
    """Soft histograms of colour in the parts of a person, (3, bins), each summing to 1; None where it is too small.

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
        counted = _soft(cv2.calcHist([hsv], [0, 1, 2], part, list(LOOK_BINS), [0, 180, 0, 256, 0, 256]))
        found.append(counted.ravel() / max(1.0, float(counted.sum())))
    return np.asarray(found, np.float32)


def _soft(counts: NDArray[np.floating]) -> NDArray[np.float32]:
    """Counts (hue, saturation, value) of which every bin gives half to its neighbours along each axis; hue is a circle."""
    counts = 0.5 * counts + 0.25 * (np.roll(counts, 1, 0) + np.roll(counts, -1, 0))
    for axis in (1, 2):
        ends = np.moveaxis(counts, axis, 0)
        wide = np.concatenate([ends[:1], ends, ends[-1:]])
        counts = np.moveaxis(0.5 * ends + 0.25 * (wide[:-2] + wide[2:]), 0, axis)
    return np.asarray(counts, np.float32)


def alike_parts(one: Look | None, other: Look | None) -> NDArray[np.float32]:
    """Bhattacharyya coefficient of each part of two looks, (3,) 0..1; 0 where a look is unknown."""
    if one is None or other is None:
        return np.zeros(len(PARTS), np.float32)
    return np.asarray(np.sqrt(one * other).sum(1), np.float32)


def alike(one: Look | None, other: Look | None) -> float:
    """The mean over the parts."""
    return float(alike_parts(one, other).mean())


class Light:
    """Takes a change of exposure or white balance out of pictures, so that it does not make a person another one.

    A camera adjusts itself whenever somebody leaves or comes. What changed is measured on the room, which is the same.
    """

    def __init__(self) -> None:
        self._kept: tuple[BgrImage, SoftMask, NDArray[np.float64]] | None = None
        self._now: tuple[BgrImage, SoftMask, NDArray[np.float64]] | None = None

    def even(self, small: BgrImage, people: SoftMask) -> BgrImage:
        """A picture as it would be in the light of the beginning.

        Args:
            small: (h, w, 3) uint8 BGR.
            people: (h, w) uint8, 255 where people are; they may have moved.
        """
        room = cv2.bitwise_not(cv2.dilate(people, np.ones((BESIDE, BESIDE), np.uint8)))
        gain = np.ones(3)
        if self._kept is not None:
            then, free, gain = self._kept
            both = (free[::STEP, ::STEP] > 0) & (room[::STEP, ::STEP] > 0)
            was, now = then[::STEP, ::STEP][both], small[::STEP, ::STEP][both]
            told = ((was > DARK) & (was < BRIGHT) & (now > DARK) & (now < BRIGHT)).all(1)
            if told.sum() >= LEAST_ROOM:
                gain = np.clip(gain * np.median(was[told] / now[told], axis=0), 1 / MOST_GAIN, MOST_GAIN)
        self._now = small, np.asarray(room, np.uint8), gain
        table = np.clip(np.arange(256)[:, None] * gain + 0.5, 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(small, table[None]), np.uint8)

    def keep(self) -> None:
        """Compare what comes with the last picture: the subject was in it."""
        self._kept = self._now
