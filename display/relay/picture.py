"""Composite → JPEG that a message can hold."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.codec import MAX_MESSAGE_BYTES
from common.ipc.messages import MAX_PIXELS
from common.ipc.records import MAX_SIDE
from common.vision.arrays import BgrImage
from display.captions import write_caption

MOST_BYTES = MAX_MESSAGE_BYTES - 8192  # the other facts of PictureRelayed: three texts of 200 characters, and numbers
SMALLER = 0.9  # a smaller picture has more bytes a pixel, so it is made a little smaller than its bytes ask for
OFF_TEXT = "privacy is off at the camera: nothing is shown here"


class Compressed(NamedTuple):
    """A JPEG, and the size of its picture in pixels."""

    jpeg: bytes
    height: int
    width: int


def card(height: int, width: int) -> BgrImage:
    """What is sent instead of the camera's own picture: (height, width, 3) uint8 BGR, plain, with a line."""
    plain = np.zeros((height, width, 3), np.uint8)
    write_caption(plain, [OFF_TEXT])
    return plain


def compress(picture: BgrImage, quality: int, widest: int = 0, most_bytes: int = MOST_BYTES) -> Compressed:
    """Encode (H, W, 3) uint8 BGR, made smaller where it is wider than `widest` (0: never) or more than a message holds.

    Args:
        picture: What to encode.
        quality: Of the JPEG, 10..100.
        widest: Pixels.
        most_bytes: Of the JPEG; at least 700, which a single pixel takes.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, widest / width) if widest else 1.0
    if height * width * scale**2 > MAX_PIXELS:
        scale = math.sqrt((MAX_PIXELS - MAX_SIDE) / (height * width))  # less what rounding may add
    while True:
        wide, high = max(1, round(width * scale)), max(1, round(height * scale))
        small = picture if scale == 1.0 else cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
        # as fast as simplejpeg 1.9 (2.3 and 2.4 ms at 720p): both are libjpeg-turbo
        jpeg: bytes = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= most_bytes:
            return Compressed(jpeg, high, wide)
        scale *= SMALLER * math.sqrt(most_bytes / len(jpeg))
