"""Detects a live source that repeats one frame. Pure.

After an unplug a V4L2 device may keep delivering its last frame as if it were new (opencv#5746). Two frames of a working
sensor are never identical to the last bit, and its timestamps advance. Of a scene that stands still a video codec does deliver
identical pictures; there the timestamps alone tell.
"""

from __future__ import annotations

import numpy as np

from common.vision.arrays import BgrImage

FROZEN_NS = 1_000_000_000
SAMPLE_STEP = 16  # rows; these are compared first, because one that differs is enough


class FrozenStreamDetector:
    """Compare each frame of one source with the frame before.

    Args:
        pictures: Compare the pictures too, and not the timestamps alone.
    """

    def __init__(self, pictures: bool = True) -> None:
        self._compares_pictures = pictures
        self._picture: BgrImage | None = None
        self._stamp_ms = 0.0
        self._picture_changed_ns = self._stamp_changed_ns = 0

    def check(self, picture: BgrImage, stamp_ms: float, now_ns: int) -> str:
        """Check the next frame, (H, W, 3) uint8, which must not be changed afterwards.

        Args:
            picture: The frame as delivered.
            stamp_ms: The source's own timestamp; 0 or less if it has none.
            now_ns: CLOCK_MONOTONIC.

        Returns:
            What has been frozen for more than a second, as the end of a sentence about the source; "" if nothing has.
        """
        if not self._compares_pictures or self._picture is None or not _is_identical(picture, self._picture):
            self._picture_changed_ns = now_ns
        if stamp_ms <= 0 or stamp_ms != self._stamp_ms:
            self._stamp_changed_ns = now_ns
        self._picture, self._stamp_ms = picture, stamp_ms
        if now_ns - self._picture_changed_ns > FROZEN_NS:
            return "delivers the same picture again and again"
        if now_ns - self._stamp_changed_ns > FROZEN_NS:
            return "delivers pictures of one and the same time"
        return ""


def _is_identical(one: BgrImage, other: BgrImage) -> bool:
    return np.array_equal(one[::SAMPLE_STEP], other[::SAMPLE_STEP]) and np.array_equal(one, other)
