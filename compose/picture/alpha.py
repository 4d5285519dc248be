"""Turn an instance's small probability map into an alpha in the frame. Pure arithmetic on arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.records import Instance
from common.vision.arrays import SoftMask
from common.vision.grid import probability_map

DILATE_PX = 3
FEATHER_PX = 7


class Alpha(NamedTuple):
    """What of a frame is sharp.

    opacity: (h, w) uint8, 255 = sharp, in the box; 0 outside.
    box_xyxy: The frame's half-open pixel box x0, y0, x1, y1.
    mixture: (h, w) uint8, how much of each pixel's colour is the person's and not the background's. It may be more than the
        opacity, where the edge was shaped by taste or all of it fades, and less, where its colours were looked at
        (compose/picture/decontamination.py). None: it is as much.
    """

    opacity: SoftMask
    box_xyxy: tuple[int, int, int, int]
    mixture: SoftMask | None = None


EMPTY = Alpha(np.zeros((0, 0), np.uint8), (0, 0, 0, 0))


def pixel_box(box_xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Convert a relative box to pixels, rounded towards zero as in the tutorial, inside the frame; it may be empty."""
    width, height = size_wh
    x0, y0, x1, y1 = box_xyxy
    return (
        min(int(x0 * width), width), min(int(y0 * height), height),
        min(int(x1 * width), width), min(int(y1 * height), height),
    )  # fmt: skip


def of_instance(instance: Instance, size_wh: tuple[int, int], threshold: float, edge: str) -> Alpha:
    """Return the alpha of one instance.

    Args:
        instance: Box and probability map.
        size_wh: Of the frame.
        threshold: Probability above which a pixel belongs to the instance, 0..1.
        edge: "hard" does what the tutorial does: nearest neighbour, threshold, paste. "soft" does what it suggests for
            better edges: bilinear, threshold, dilate, a small Gaussian, blend.
    """
    x0, y0, x1, y1 = pixel_box(instance.box_xyxy, size_wh)
    if x1 <= x0 or y1 <= y0:
        return EMPTY
    small = probability_map(instance)
    if edge == "hard":
        likely = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        return Alpha(_threshold(likely, threshold), (x0, y0, x1, y1))
    likely = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (DILATE_PX, DILATE_PX))
    mask = cv2.dilate(_threshold(likely, threshold), kernel)
    # the frame's border is not an edge of the person, so the blur replicates it
    return Alpha(cv2.GaussianBlur(mask, (FEATHER_PX, FEATHER_PX), 0, borderType=cv2.BORDER_REPLICATE), (x0, y0, x1, y1))


def of_instances(instances: Iterable[Instance], size_wh: tuple[int, int], threshold: float, edge: str) -> Alpha:
    """Return the alpha of several instances together, the maximum at each pixel; see `of_instance`."""
    found = [a for i in instances if (a := of_instance(i, size_wh, threshold, edge)).opacity.size]
    if len(found) < 2:
        return found[0] if found else EMPTY
    corners = np.array([a.box_xyxy for a in found])
    x0, y0 = (int(v) for v in corners[:, :2].min(0))
    x1, y1 = (int(v) for v in corners[:, 2:].max(0))
    opacity = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for one in found:
        left, top, right, bottom = one.box_xyxy
        part = opacity[top - y0 : bottom - y0, left - x0 : right - x0]
        np.maximum(part, one.opacity, out=part)
    return Alpha(opacity, (x0, y0, x1, y1))


def scale_alpha(whole: Alpha, opacity: float) -> Alpha:
    """Scale the opacity of `whole` by `opacity`, 0..1; its pixels are the mixtures that they were."""
    if opacity >= 1 or not whole.opacity.size:
        return whole
    return Alpha(cv2.convertScaleAbs(whole.opacity, alpha=opacity), whole.box_xyxy, mixture_of(whole))


def mixture_of(who: Alpha) -> SoftMask:
    """Return how much of each pixel's colour is the person's, (h, w) uint8."""
    return who.opacity if who.mixture is None else who.mixture


def placed(who: Alpha, size_wh: tuple[int, int]) -> SoftMask:
    """Return the opacity of every pixel of a frame of `size_wh`, (H, W) uint8."""
    whole = np.zeros(size_wh[::-1], np.uint8)
    x0, y0, x1, y1 = who.box_xyxy
    whole[y0:y1, x0:x1] = who.opacity
    return whole


def with_room(who: Alpha, room: SoftMask, size_wh: tuple[int, int]) -> Alpha:
    """Return the alpha of the people in `who` and of the empty room together.

    Args:
        who: The people who stay sharp.
        room: (h, w) uint8, 255 where the room is empty, on a grid. It fades inwards, so that nothing else shows through.
        size_wh: Of the frame.
    """
    soft = cv2.min(room, cv2.blur(room, (3, 3)))
    opacity = np.asarray(cv2.resize(soft, size_wh, interpolation=cv2.INTER_LINEAR), np.uint8)
    x0, y0, x1, y1 = who.box_xyxy
    part = opacity[y0:y1, x0:x1]
    np.maximum(part, who.opacity, out=part)
    return Alpha(opacity, (0, 0, *size_wh))


def _threshold(likely: SoftMask, threshold: float) -> SoftMask:
    """Return 255 where the probability, 0..255, is above `threshold`, 0..1."""
    cut: SoftMask = cv2.threshold(likely, threshold * 255, 255, cv2.THRESH_BINARY)[1]
    return cut
