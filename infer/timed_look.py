"""How long a look takes, before the first frame comes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from common.vision.arrays import BgrImage

PICTURE_HW = (480, 640)


def look_ms(detect: Callable[[BgrImage], object]) -> float:
    """Return how long a look at a grey picture takes: the second one, for the first makes the network ready."""
    picture = np.full((*PICTURE_HW, 3), 127, np.uint8)
    detect(picture)
    begun = time.monotonic()
    detect(picture)
    return 1e3 * (time.monotonic() - begun)
