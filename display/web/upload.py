"""Keeps the image that the user chose on the page as a background.

The page decodes the user's file and sends a JPEG that its canvas made, whatever the file was. Here the JPEG's header is checked
before anything decodes it, as that of a relay's picture is (display/jpeg.py). Then the pixels alone are kept, encoded anew: no
byte of the upload reaches the disk, and nobody names a path.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from common.errors import MessageError
from common.runtime.private_files import make_folder, write_private
from display.jpeg import size_of

MAX_UPLOAD_BYTES = 8_000_000
MAX_UPLOAD_PIXELS = 3840 * 2160
QUICK = 1  # PNG's least compression: the file is one, and read once a call


def keep_image(jpeg: bytes, path: Path) -> None:
    """Check an upload and write its picture to `path` as PNG with mode 0600.

    Raises:
        MessageError: It is not such a JPEG, is too large, or cannot be kept.
    """
    size = size_of(jpeg)
    if size is None or size[0] * size[1] > MAX_UPLOAD_PIXELS:
        got = "another file" if size is None else f"{size[1]} x {size[0]}"
        raise MessageError(f"image: expected a plain JPEG of at most 3840 x 2160 pixels, got {got}")
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape[:2] != size:
        raise MessageError("image: expected a JPEG that can be decoded, got a damaged one")
    png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, QUICK])[1].tobytes()
    try:
        make_folder(path.parent)
        write_private(path, png)
    except OSError as error:
        raise MessageError(f"image: cannot be kept in {path.parent} ({error.strerror})") from None
