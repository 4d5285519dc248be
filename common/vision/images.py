"""Reads images from files."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import cv2
import numpy as np

from common.vision.arrays import BgrImage


def read_image(path: Path) -> BgrImage | None:
    """Return the image in a file, (H, W, 3) uint8 BGR, None if the file holds no image that can be decoded.

    `cv2.imread` is not used: a name that is no UTF-8 ends the process, and a file that may not be read passes for a broken one.

    Raises:
        OSError: The file cannot be read.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would keep us waiting, and /dev/zero would never end
        raise OSError(errno.EINVAL, "It is no plain file", str(path))
    data = np.fromfile(path, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # more pixels than OpenCV decodes
        return None
    return None if image is None else np.asarray(image, np.uint8)
