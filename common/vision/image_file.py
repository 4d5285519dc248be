"""Reads image files.

OpenCV gets the content of a file and not its name: a name with bytes that are no UTF-8 ends the process with SIGSEGV in
OpenCV 4.14.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from common.vision.arrays import BgrImage


def read_image(path: Path) -> BgrImage:
    """Return the picture in a file, (H, W, 3) uint8 BGR, turned upright as its EXIF data say.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds no image that OpenCV can decode; the text is short and names no file.
    """
    content = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error as error:  # such as more than 2**30 pixels
        raise ValueError(f"{error.err:.160}") from None
    if picture is None:
        raise ValueError(f"{content.size} bytes that are no image OpenCV knows")
    return np.asarray(picture, np.uint8)
