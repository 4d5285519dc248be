"""Shape the subject's edge by taste: farther in or out, and softer. Pure arithmetic on arrays."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.picture.alpha import Alpha
from compose.picture.matte_edge import BESIDE
from compose.who.region_state import dilated

REFERENCE_HEIGHT = 720  # pixels of a picture so high, in which feather and margin are given


def shape_edge(who: Alpha, feather: float, margin: float, size_wh: tuple[int, int], others: SoftMask) -> Alpha:
    """Return the alpha of people with its edge moved and softened.

    It fades inwards from where the edge is, so a feather shows nothing that was hidden. A margin outwards does, but not beside
    anybody else.

    Args:
        who: Their alpha.
        feather: Over how many pixels they fade out, of a picture `REFERENCE_HEIGHT` high.
        margin: How many pixels the edge moves out, of the same; negative: in.
        size_wh: Of the frame.
        others: (h, w) uint8 on the grid, more than 127 where anybody else may be.
    """
    scale = size_wh[1] / REFERENCE_HEIGHT
    moves, fades = round(abs(margin) * scale), round(feather * scale / 2)
    if not who.opacity.size or not moves + fades:
        return who
    pad = moves + fades
    box = (
        max(who.box_xyxy[0] - pad, 0), max(who.box_xyxy[1] - pad, 0),
        min(who.box_xyxy[2] + pad, size_wh[0]), min(who.box_xyxy[3] + pad, size_wh[1]),
    )  # fmt: skip
    # where the picture ends the person does not, so nothing is added beyond its sides
    left, top, right, bottom = (abs(a - b) for a, b in zip(who.box_xyxy, box, strict=True))
    found = cv2.copyMakeBorder(who.opacity, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    before = found
    if moves:
        kernel = np.ones((2 * moves + 1,) * 2, np.uint8)
        found = cv2.dilate(found, kernel) if margin > 0 else cv2.erode(found, kernel)
    if fades:
        side = 2 * ((fades + 1) // 2) + 1  # two means of half the width each are a ramp of the whole width
        inner = cv2.erode(found, np.ones((2 * fades + 1,) * 2, np.uint8))
        for _ in range(2):
            inner = cv2.blur(inner, (side, side), borderType=cv2.BORDER_REPLICATE)
        found = cv2.min(inner, found)
    if margin > 0:
        found = cv2.max(cv2.min(found, _free(others, size_wh, box)), cv2.min(found, before))
    return Alpha(np.asarray(found, np.uint8), box, np.asarray(cv2.max(before, found), np.uint8))


def _free(others: SoftMask, size_wh: tuple[int, int], box: tuple[int, int, int, int]) -> SoftMask:
    """Return 255 in the part `box` of a frame where nobody else is near, (h, w) uint8."""
    free = cv2.resize(cv2.bitwise_not(dilated(others, BESIDE)), size_wh, interpolation=cv2.INTER_NEAREST)
    return np.asarray(free[box[1] : box[3], box[0] : box[2]], np.uint8)
