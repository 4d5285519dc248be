"""Whether a live source only repeats itself. Pure.

After an unplug a V4L2 device may go on handing out its last picture as if it were new (opencv#5746): a picture of a
living sensor is never twice the same to the last bit, and its time stamp moves on.
"""

from __future__ import annotations

import numpy as np

from common.vision.arrays import BgrImage

STILL_NS = 1_000_000_000
SAMPLE_ROWS = 16  # every so many rows are compared first: one that differs spares the rest


class StillWatch:
    """Looks at every picture of one source."""

    def __init__(self) -> None:
        self._picture: BgrImage | None = None
        self._stamp_ms = 0.0
        self._moved_ns = self._stamped_ns = 0

    def look(self, picture: BgrImage, stamp_ms: float, now_ns: int) -> str:
        """Take one picture, (H, W, 3) uint8, which must not be written to afterwards.

        Args:
            picture: As delivered.
            stamp_ms: The source's own time of it; 0 or less where it has none.
            now_ns: CLOCK_MONOTONIC.

        Returns:
            "" or, once it lasted for a second, in which way the source stands still.
        """
        if self._picture is None or not _same(picture, self._picture):
            self._moved_ns = now_ns
        if stamp_ms <= 0 or stamp_ms != self._stamp_ms:
            self._stamped_ns = now_ns
        self._picture, self._stamp_ms = picture, stamp_ms
        if now_ns - self._moved_ns > STILL_NS:
            return "delivers the same picture again and again"
        if now_ns - self._stamped_ns > STILL_NS:
            return "delivers pictures of one and the same time"
        return ""


def _same(one: BgrImage, other: BgrImage) -> bool:
    return np.array_equal(one[::SAMPLE_ROWS], other[::SAMPLE_ROWS]) and np.array_equal(one, other)
