"""Measure how the light has changed between two pictures of one room, and compensate it. Pure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask

STEP = 4  # every fourth row and column is enough to measure light and noise
LEAST_ROOM = 60  # of those pixels must be known in both pictures, and neither black nor white, or nothing is measured
DARK, BRIGHT = 16, 240  # grey levels: pixels outside do not tell how the light changed
MOST_GAIN = 2.0  # greatest change of light that is compensated


def room_pixels(one: BgrImage, other: BgrImage, known: SoftMask) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Return the pixels that tell how the light differs between two pictures, (n, 3) uint8 of each; None if they are too few.

    Args:
        one: (h, w, 3) uint8 BGR.
        other: The same.
        known: (h, w) uint8, not 0 where both show the room.
    """
    free = known[::STEP, ::STEP] > 0
    first, second = one[::STEP, ::STEP][free], other[::STEP, ::STEP][free]
    told = ((first > DARK) & (first < BRIGHT) & (second > DARK) & (second < BRIGHT)).all(1)
    return (first[told], second[told]) if told.sum() >= LEAST_ROOM else None


def gain_between(before: BgrImage, now: BgrImage, known: SoftMask) -> NDArray[np.float64]:
    """Return how the light has changed, (3,): a factor for each colour, the median over what is known; see `room_pixels`."""
    if (pixels := room_pixels(before, now, known)) is None:
        return np.ones(3)
    was, is_now = pixels
    return limited(np.median(is_now / was.astype(np.float32), axis=0))


def limited(gain: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a factor for each colour, (3,), as far as it is compensated."""
    return np.asarray(np.clip(gain, 1 / MOST_GAIN, MOST_GAIN), np.float64)


def in_light(picture: BgrImage, gain: NDArray[np.float64]) -> BgrImage:
    """Return a picture (h, w, 3) uint8 BGR as it would be with `gain` times the light."""
    table = np.clip(np.arange(256)[:, None] * gain + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)
