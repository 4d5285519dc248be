"""Take the old background's colours out of the subject's edge, where it is shown before another background. Pure.

A pixel of the edge is a mixture, I = a F + (1 - a) B. Over a new background the term (1 - a) B shows as a halo. F and B are taken from
what is near: the means of the pixels that are surely the subject, and surely not ("blur fusion", Forte and Pitié 2021, in one pass).
With those the foreground is F = I + (1 - a)(F - B), so what is added to a composite of opacity o is o (1 - a)(F - B). Where the edge
was feathered or moved in by taste, a is what it was before: a pixel inside the person that fades holds nothing of the background.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha

LOW_ROWS = 180  # colours near the edge are means: found in a picture of about this height
RADIUS = 7  # of those rows: what is near
SURE = 13  # of 255: so near to 0 and 255 an opacity counts as that
LEAST = 0.02  # share of what is near that must be sure, of each side


def edge_colours(pyramid: ImagePyramid, who: Alpha) -> tuple[NDArray[np.float32], int]:
    """Return F - B around each pixel of the alpha's box, (h, w, 3) float32 grey levels, and how many times smaller it is than the box.

    Where either is unknown it is 0.
    """
    x0, y0, x1, y1 = who.box_xyxy
    level = max(0, round(float(np.log2(pyramid.picture.shape[0] / LOW_ROWS))))
    step = 2**level
    small = pyramid[level][y0 // step : -(-y1 // step), x0 // step : -(-x1 // step)].astype(np.float32)
    opacity = cv2.resize(_mixture(who), small.shape[1::-1], interpolation=cv2.INTER_AREA)
    side = (2 * RADIUS + 1,) * 2
    means = []
    is_known = np.ones(opacity.shape, np.bool_)
    for sure in (opacity > 255 - SURE, opacity < SURE):
        weight = sure.astype(np.float32)
        near = cv2.blur(weight, side)
        is_known &= near >= LEAST
        means.append(cv2.blur(small * weight[..., None], side) / np.maximum(near, LEAST)[..., None])
    return np.where(is_known[..., None], means[0] - means[1], np.float32(0)), step


def decontaminate(pyramid: ImagePyramid, who: Alpha, into: BgrImage) -> None:
    """Take the old background out of the edge of the people in a composite, (H, W, 3) uint8 BGR, that was blended from the frame.

    Args:
        pyramid: Of the frame.
        who: The alpha that it was blended with.
        into: The composite; only its pixels of partial opacity change.
    """
    rows, columns = np.nonzero((who.opacity > 0) & (who.opacity < 255) & (_mixture(who) < 255))
    if not rows.size:
        return
    colours, step = edge_colours(pyramid, who)
    x0, y0, _, _ = who.box_xyxy
    near = colours[(rows + y0 % step) // step, (columns + x0 % step) // step]
    part, mixed = (of[rows, columns].astype(np.float32) / 255 for of in (who.opacity, _mixture(who)))
    where = rows + y0, columns + x0
    into[where] = np.clip(into[where] + (part * (1 - mixed))[:, None] * near + 0.5, 0, 255).astype(np.uint8)


def _mixture(who: Alpha) -> SoftMask:
    return who.opacity if who.mixture is None else who.mixture
