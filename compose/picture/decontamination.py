"""Take the old background out of the subject's edge, where it is shown before another background. Pure.

A pixel of the edge is a mixture, I = a F + (1 - a) B. What is left of B shows as a halo before another background, for two reasons:

- The opacity is 1 where a is not: the matte is a pixel or two too far out in places. `settle` finds a in the picture itself, as the pixel's
  place on the line from B to F, a = (I - B)(F - B) / |F - B|^2, and lessens opacities that are clearly more. It shows nothing that
  was hidden.
- The term (1 - a) B. `decontaminate` shows an estimate of F in place of I: the most likely one, if colours scatter around
  the means of the subject and of the background (Chuang et al. 2001, "A Bayesian approach to digital matting"; one variance each).

F and B are means of the nearest pixels that are surely the subject, and surely not ("blur fusion", Forte and Pitié 2021, in one pass).
Where the two look alike nothing tells a, and the alpha stays as it is: dark hair before a dark wall gets no holes. What only looks like
the wall, a stripe of a shirt, is taken for it: gaps of a few pixels are closed, and farther in than a few pixels nothing is changed.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha, mixture_of

LOW_ROWS = 360  # the edge is settled in a picture of about this height, where a camera's noise is less. The next three are in its pixels
LEAST_PX = 2  # a picture with a shorter side has no edge
NEAR = 3  # farther in the subject has other colours: with 4 the demo's alpha is wrong by 5 % more. With 2, where often nothing is sure, by 30 %
DEPTH = 1  # from the edge inwards, where a pixel may be shown less
NOT_SURE = 1  # beside what is not sure nothing is
SURE = 60  # of 255: so near to 0 and 255 an opacity counts as that
# F and B tell a where they differ by twice this, the root of the squared grey levels of all channels, and nothing below it
DIFFERENT = 15.0
# a, as a share of the opacity, up to which nothing of it is left, and from which it stays
LOW, HIGH = 0.3, 0.95
# variance of the background around its mean, by that of the subject: a pixel that is mostly background gets the mean colour of the subject
GRAIN = 16.0
CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)
_LEFT = np.rint(255 * np.clip((np.arange(256) / 255 - LOW) / (HIGH - LOW), 0, 1)).astype(np.uint8)


class _Means(NamedTuple):
    """Mean colours, (n, 3) float32, and two times (n,) bool: where they are of what is near, and where they are known."""

    colour: NDArray[np.float32]
    is_near: NDArray[np.bool_]
    is_known: NDArray[np.bool_]


class NearColours(NamedTuple):
    """The colours around the edge.

    subject, room: F and B of the pixels where they are known, (n, 3) float32 grey levels.
    which: (h, w) int32, which of them are a pixel's; -1 where none is known.
    step: How many times larger the frame is.
    at_xy: The frame's pixel where `which` begins.
    """

    subject: NDArray[np.float32]
    room: NDArray[np.float32]
    which: NDArray[np.int32]
    step: int = 1
    at_xy: tuple[int, int] = (0, 0)


NOTHING_NEAR = NearColours(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), np.full((1, 1), -1, np.int32))


def settle(pyramid: ImagePyramid, who: Alpha) -> tuple[Alpha, NearColours]:
    """Return the alpha as the picture's own colours bear it out, nowhere more opaque, and the colours around its edge.

    Args:
        pyramid: Of the frame.
        who: The alpha of the people who are shown. Where its edge was feathered or moved in by taste, the mixture is what tells
            where the subject ends: a pixel inside the person that fades holds nothing of the background.
    """
    height, width = pyramid.picture.shape[:2]
    level = max(0, round(float(np.log2(height / LOW_ROWS))))
    if not who.opacity.size or min(height, width) >> level < LEAST_PX:
        return who, NOTHING_NEAR
    mixture, (x0, y0, x1, y1) = mixture_of(who), who.box_xyxy
    step, low = 2**level, pyramid[level]
    pad = 2 * (NEAR + 1) + NOT_SURE  # the background begins beyond the alpha's box
    left, top = (max(0, at // step - pad) for at in (x0, y0))
    right, bottom = (min(-(-at // step) + pad, most) for at, most in ((x1, low.shape[1]), (y1, low.shape[0])))
    x, y = left * step, top * step
    end_x, end_y = (
        whole if at == most else at * step
        for at, most, whole in ((right, low.shape[1], width), (bottom, low.shape[0], height))
    )
    wide = cv2.copyMakeBorder(mixture, y0 - y, end_y - y1, x0 - x, end_x - x1, cv2.BORDER_CONSTANT, value=0)
    coarse = cv2.resize(wide, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    limit, near = _limit(low[top:bottom, left:right], np.asarray(coarse, np.uint8))
    fine = cv2.resize(limit, wide.shape[::-1], interpolation=cv2.INTER_LINEAR)[y0 - y : y1 - y, x0 - x : x1 - x]
    shown = cv2.multiply(mixture, cv2.LUT(cv2.divide(fine, mixture, scale=255), _LEFT), scale=1 / 255)
    # a low opacity may be less than an a that is not exact: it would stay, as a thin line outside of the edge
    shown = cv2.morphologyEx(shown, cv2.MORPH_OPEN, CROSS)
    settled, mixed = (np.asarray(cv2.min(*of), np.uint8) for of in ((who.opacity, shown), (mixture, fine)))
    return Alpha(settled, who.box_xyxy, mixed), near._replace(step=step, at_xy=(x, y))


def _limit(picture: BgrImage, mixture: SoftMask) -> tuple[SoftMask, NearColours]:
    """Return how much of each pixel's colour may be the subject's, (h, w) uint8, and the colours around the edge.

    Args:
        picture: (h, w, 3) uint8 BGR.
        mixture: (h, w) uint8, how much it is by the matte.
    """
    inner = cv2.erode(mixture, np.ones((2 * DEPTH + 1,) * 2, np.uint8))
    band = np.flatnonzero((cv2.dilate(mixture, np.ones((3, 3), np.uint8)) > 0) & (inner < 255))
    seen = picture.reshape(-1, 3).take(band, 0).astype(np.float32)
    subject = _means(picture, cv2.compare(mixture, 255 - SURE, cv2.CMP_GT), band)
    room = _means(picture, cv2.compare(mixture, SURE, cv2.CMP_LT), band)
    line = subject.colour - room.colour
    square = np.einsum("ij,ij->i", line, line)
    share = np.einsum("ij,ij->i", seen - room.colour, line) / np.maximum(square, 1)
    trust = np.clip(np.sqrt(square) / DIFFERENT - 1, 0, 1) * (subject.is_near & room.is_near)
    most = 1 - trust * (1 - np.clip(share, 0, 1))
    limit = mixture.copy()
    limit.put(band, np.maximum(np.rint(255 * most), inner.take(band)))
    closed = cv2.morphologyEx(limit, cv2.MORPH_CLOSE, CROSS)
    limit[:] = 255
    limit.put(band, closed.take(band))
    which = np.full(limit.shape, -1, np.int32)
    which.put(band, np.where(subject.is_known & room.is_known, np.arange(band.size), -1))
    return limit, NearColours(subject.colour, room.colour, which)


def _means(picture: BgrImage, sure: SoftMask, band: NDArray[np.intp]) -> _Means:
    """Return the mean colours of what is sure, 255, around each pixel of the band: near it, or twice as far where nothing is."""
    sure = np.asarray(cv2.erode(sure, np.ones((2 * NOT_SURE + 1,) * 2, np.uint8)), np.uint8)
    masked = cv2.bitwise_and(picture, picture, mask=sure)
    colour, is_near = _mean(masked, sure, band)
    height, width = (side // 2 for side in sure.shape)
    # a ratio of exactly 2 takes a tenth of the time
    small_sure, small = (
        np.asarray(cv2.resize(of[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for of in (sure, masked)
    )
    lacking = np.flatnonzero(~is_near)
    at = np.divmod(band[lacking], sure.shape[1])
    rows, columns = (np.minimum(of // 2, most - 1) for of, most in zip(at, (height, width), strict=True))
    is_known = is_near.copy()
    colour[lacking], is_known[lacking] = _mean(small, small_sure, rows * width + columns)
    return _Means(colour, is_near, is_known)


def _mean(
    masked: NDArray[np.uint8], sure: SoftMask, band: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return mean colours, (n, 3) float32, of a picture that is 0 where nothing is sure, and where there are any."""
    side = (2 * NEAR + 1,) * 2  # sums of 49 bytes fit into 16 bits
    weight = cv2.boxFilter(sure, cv2.CV_16U, side, normalize=False).take(band)
    total = cv2.boxFilter(masked, cv2.CV_16U, side, normalize=False).reshape(-1, 3).take(band, 0)
    return total * (np.float32(255) / np.maximum(weight, 1).astype(np.float32))[:, None], weight > 0


def decontaminate(pyramid: ImagePyramid, who: Alpha, near: NearColours, into: BgrImage) -> None:
    """Take the old background out of the edge of the people in a composite, (H, W, 3) uint8 BGR, that was blended from the frame.

    Args:
        pyramid: Of the frame.
        who: The settled alpha that it was blended with.
        near: The colours around its edge.
        into: The composite; only its pixels of partial mixture change.
    """
    mixture = mixture_of(who)
    mixed = np.flatnonzero((who.opacity > 0) & (mixture < 255))
    rows, columns = np.divmod(mixed, max(1, mixture.shape[1]))
    y, x = rows + who.box_xyxy[1], columns + who.box_xyxy[0]
    row, column = (
        np.minimum((at - begin) // near.step, most - 1)
        for at, begin, most in zip((y, x), near.at_xy[::-1], near.which.shape, strict=True)
    )
    of = near.which[row, column]
    is_known = of >= 0
    of, mixed, y, x = of[is_known], mixed[is_known], y[is_known], x[is_known]
    part, share = (opacity.take(mixed)[:, None] * np.float32(1 / 255) for opacity in (who.opacity, mixture))
    subject = near.subject.take(of, 0)
    pixel = y * into.shape[1] + x
    seen = pyramid.picture.reshape(-1, 3).take(pixel, 0).astype(np.float32)
    gain = np.minimum(share / (share**2 + GRAIN * (1 - share) ** 2), 1)
    own = subject + gain * (seen - share * subject - (1 - share) * near.room.take(of, 0))
    into[y, x] = np.clip(into[y, x] + part * (own - seen) + 0.5, 0, 255).astype(np.uint8)
