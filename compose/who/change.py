"""Find out where a picture differs from an earlier one of the same room, whatever the light and the noise. Pure.

A picture is smoothed before it is compared: 3 x 3 grid pixels stand for some 200 pixels of a frame of 1280 x 720, so a sensor's noise
of 5 grey levels is 0.6 there. What is left of noise and compression is measured in every comparison, and the threshold follows it.

A change begins where the difference is large, and goes on while it is small (hysteresis, as in Canny 1986): so the parts of a person
that look nearly like the wall belong to the person.
"""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage, SoftMask
from compose.who.light import STEP, gain_between, in_light

# grey levels of the smoothed pictures, of any colour: the weak threshold without noise and at most, and how many standard deviations
# of the noise it is above the least
LEAST_WEAK, MOST_WEAK, DEVIATIONS = 4.0, 10.0, 3.0
STRONG = 2.0  # the strong threshold, in weak ones
MEDIAN_TO_DEVIATION = 1.4826  # of a normal distribution: median of the absolute values → standard deviation


def smoothed(small: BgrImage) -> BgrImage:
    """Return a picture (h, w, 3) uint8 as it is compared."""
    return np.asarray(cv2.blur(small, (3, 3)), np.uint8)


def difference(before: BgrImage, now: BgrImage) -> SoftMask:
    """Return by how many grey levels two pictures differ, (h, w) uint8: the largest of the three colours."""
    blue, green, red = cv2.split(cv2.absdiff(before, now))
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def weak_threshold(differs: SoftMask, known: SoftMask) -> float:
    """Return from which difference on a cell may have changed, by the noise of what is known: half of it hardly ever changes."""
    noise = differs[::STEP, ::STEP][known[::STEP, ::STEP] > 0]
    if not noise.size:
        return LEAST_WEAK
    deviation = MEDIAN_TO_DEVIATION * float(np.partition(noise, len(noise) // 2)[len(noise) // 2])
    return min(LEAST_WEAK + DEVIATIONS * max(0.0, deviation - 1), MOST_WEAK)


def changed(before: BgrImage, now: BgrImage, known: SoftMask) -> SoftMask:
    """Return 255 where a picture has changed, (h, w) uint8.

    Args:
        before, now: (h, w, 3) uint8, `smoothed`.
        known: Not 0 where `before` is known; the rest is compared with nothing, and is 0.
    """
    differs = difference(in_light(before, gain_between(before, now, known)), now)
    differs = np.asarray(cv2.bitwise_and(differs, known), np.uint8)
    weak = weak_threshold(differs, known)
    may = np.asarray(cv2.threshold(differs, weak, 255, cv2.THRESH_BINARY)[1], np.uint8)
    surely = differs > STRONG * weak
    count, labels = cv2.connectedComponents(may, connectivity=8, ltype=cv2.CV_16U)
    begins = np.zeros(count, np.uint8)
    begins[labels[surely]] = 255
    begins[0] = 0
    return np.asarray(begins[labels], np.uint8)
