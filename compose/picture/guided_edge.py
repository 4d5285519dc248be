"""The subject's edge without a matte: the last result's own mask, carried by checked flow, snapped to the picture's edges.

The guided filter (He, Sun and Tang 2013) built from box means, its coefficients found on the grid and applied to the
frame's own grey (He and Sun 2015, "Fast Guided Filter").
"""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import GrayImage, SoftMask
from compose.picture.alpha import NOBODY, Alpha
from compose.picture.matte_edge import bound_of, cropped, padded, scaled, smooth_step
from compose.who.region import NOWHERE, Present, Region

RADIUS = 5  # grid pixels: as far as a result's small map is off
EPSILON = 0.02**2  # of grey 0..1 squared: weaker edges than 0.02 are no edges
_SHARPEN = smooth_step(0.3, 0.7)


def guided(mask: SoftMask, guide: GrayImage, fine: SoftMask) -> SoftMask:
    """A mask that follows the edges of a picture.

    Args:
        mask: (h, w) uint8, 255 inside.
        guide: (h, w) uint8, the grey picture of the same size.
        fine: (H, W) uint8, the same picture, larger.

    Returns:
        (H, W) uint8.
    """
    size = (2 * RADIUS + 1,) * 2
    i, p = guide.astype(np.float32) / 255, mask.astype(np.float32) / 255
    mean_i, mean_p = cv2.blur(i, size), cv2.blur(p, size)
    variance, covariance = cv2.blur(i * i, size) - mean_i * mean_i, cv2.blur(i * p, size) - mean_i * mean_p
    a = covariance / (variance + EPSILON)
    b = mean_p - a * mean_i
    fine_wh = (fine.shape[1], fine.shape[0])
    fine_a, fine_b = (cv2.resize(cv2.blur(m, size), fine_wh, interpolation=cv2.INTER_LINEAR) for m in (a, b))
    found = cv2.multiply(fine_a, fine, dtype=cv2.CV_32F) + 255 * fine_b
    return np.asarray(np.clip(np.rint(found), 0, 255), np.uint8)


class GuidedEdge:
    """Finds the edge by flow and guided filter on every frame."""

    bounds = False

    def reset(self) -> None:
        """See Edge: nothing is kept from frame to frame."""

    def alpha(self, present: Present, region: Region, age_ns: int) -> Alpha:
        """See Edge."""
        step = region.roll(None, NOWHERE)
        if not step.subject.any():
            return NOBODY
        box = padded(step.subject)
        bound = bound_of(step, box, age_ns)
        if bound is None:
            return NOBODY
        x0, y0, x1, y1 = box
        pixels = scaled(box, present.grey.shape, present.picture.shape)
        fine = cv2.cvtColor(present.picture[pixels[1] : pixels[3], pixels[0] : pixels[2]], cv2.COLOR_BGR2GRAY)
        likely = cv2.LUT(guided(step.core[y0:y1, x0:x1], present.grey[y0:y1, x0:x1], fine), _SHARPEN)
        return cropped(cv2.min(likely, cv2.resize(bound, fine.shape[::-1], interpolation=cv2.INTER_LINEAR)), pixels)
