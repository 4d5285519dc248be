"""Find the subject's edge without a matte: the mask of the last result, warped by checked flow and snapped to the picture's edges.

The guided filter (He, Sun and Tang 2013) built from box means, its coefficients found on the grid and applied to the
frame's own grey (He and Sun 2015, "Fast Guided Filter").
"""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.arrays import BgrImage, FloatMap, SoftMask
from compose.picture.alpha import EMPTY, Alpha
from compose.picture.matte_edge import bound_of, crop_alpha, padded_box, scaled_box, smooth_step
from compose.who.region import EMPTY_BOX, PresentFrame, Region

RADIUS = 5  # grid pixels: the error of a result's small map
EPSILON = 0.02**2  # of grey 0..1, squared: edges weaker than 0.02 do not count
_SHARPEN = smooth_step(0.3, 0.7)


def guided(mask: SoftMask, guide: SoftMask, fine: SoftMask) -> SoftMask:
    """Return a mask that follows the edges of a picture.

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
        """See Edge. This class keeps nothing from frame to frame."""

    def likely_in(self, part: BgrImage) -> FloatMap | None:
        """See Edge. Nothing here knows people."""
        return None

    def refine(self, present: PresentFrame, region: Region, age_ns: int) -> Alpha:
        """See Edge."""
        state = region.propagate(None, EMPTY_BOX)
        if not state.subject.any():
            return EMPTY
        box = padded_box(state.subject)
        bound = bound_of(state, box, age_ns)
        if bound is None:
            return EMPTY
        x0, y0, x1, y1 = box
        pixels = scaled_box(box, present.grey.shape, present.picture.shape)
        fine = cv2.cvtColor(present.picture[pixels[1] : pixels[3], pixels[0] : pixels[2]], cv2.COLOR_BGR2GRAY)
        likely = cv2.LUT(guided(state.confirmed[y0:y1, x0:x1], present.grey[y0:y1, x0:x1], fine), _SHARPEN)
        return crop_alpha(cv2.min(likely, cv2.resize(bound, fine.shape[::-1], interpolation=cv2.INTER_LINEAR)), pixels)
