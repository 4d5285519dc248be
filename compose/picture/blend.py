"""The blend of the subject over what hides the rest. Pure arithmetic on arrays."""

from __future__ import annotations

import cv2

from common.vision.arrays import BgrImage
from compose.picture.alpha import Alpha

# rows blended at a time, so that what is between stays in the cache: a box of 1080 rows in 1.58 ms, at once in 1.78; 32: 1.70
STRIP = 128


def blend(picture: BgrImage, alpha: Alpha, into: BgrImage) -> None:
    """into = picture where alpha is 255, itself where it is 0, a mixture between. Both (H, W, 3) uint8 BGR."""
    x0, y0, x1, y1 = alpha.box_xyxy
    if x1 <= x0:
        return
    for top in range(y0, y1, STRIP):
        bottom = min(top + STRIP, y1)
        weight = cv2.merge([alpha.opacity[top - y0 : bottom - y0]] * 3)
        # in 8 bit, half the time of cv2.blendLinear; exact where the weight is 0 or 255, one grey level off at most between
        front = cv2.multiply(picture[top:bottom, x0:x1], weight, scale=1 / 255)
        part = into[top:bottom, x0:x1]
        cv2.add(front, cv2.multiply(part, cv2.bitwise_not(weight), scale=1 / 255), part)
