"""Measures how long an inference takes, before the first frame comes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from common.vision.arrays import BgrImage

PICTURE_HW = (480, 640)


def inference_ms(detect: Callable[[BgrImage], object]) -> float:
    """Return the duration of an inference on a grey picture: of the second one, because the first initialises the network."""
    picture = np.full((*PICTURE_HW, 3), 127, np.uint8)
    detect(picture)
    begun = time.monotonic()
    detect(picture)
    return 1e3 * (time.monotonic() - begun)
