"""Encodes a composite as a JPEG that fits into a message."""

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

MAX_JPEG_BYTES = MAX_MESSAGE_BYTES - 8192  # leaves room for three texts of 200 characters, and numbers
SHRINK = 0.9  # a smaller picture has more bytes a pixel, so it must shrink by more than its bytes are too many
OFF_TEXT = "privacy is off at the camera: nothing is shown here"


class Compressed(NamedTuple):
    """A JPEG, and the size of its picture in pixels."""

    jpeg: bytes
    height: int
    width: int


def card(height: int, width: int) -> BgrImage:
    """Return the card that replaces the camera's own picture: (height, width, 3) uint8 BGR, black, with a line of text."""
    plain = np.zeros((height, width, 3), np.uint8)
    write_caption(plain, [OFF_TEXT])
    return plain


def compress(picture: BgrImage, quality: int, max_width: int = 0, max_bytes: int = MAX_JPEG_BYTES) -> Compressed:
    """Encode (H, W, 3) uint8 BGR. Shrink it if it is wider than `max_width` (0: no limit), or too large for a message.

    Args:
        picture: What to encode.
        quality: Of the JPEG, 10..100.
        max_width: Pixels, 0 for no limit.
        max_bytes: Largest size of the JPEG; at least 700, which a single pixel takes.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, max_width / width) if max_width else 1.0
    if height * width * scale**2 > MAX_PIXELS:
        scale = math.sqrt((MAX_PIXELS - MAX_SIDE) / (height * width))  # less what rounding to whole pixels may add
    while True:
        wide, high = max(1, round(width * scale)), max(1, round(height * scale))
        small = picture if scale == 1.0 else cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
        # as fast as simplejpeg 1.9 (2.3 and 2.4 ms at 720p): both are libjpeg-turbo
        jpeg: bytes = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= max_bytes:
            return Compressed(jpeg, high, wide)
        scale *= SHRINK * math.sqrt(max_bytes / len(jpeg))
