"""Draw a result on the grid: where it finds the subject, where others, and where it is certain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.records import Instance
from common.vision.arrays import SoftMask
from common.vision.coco import NAMES
from common.vision.grid import on_grid
from compose.settings import ComposeSettings
from compose.who.region import eroded

CERTAIN_PROBABILITY = 0.8  # a pixel of a result with this probability is the subject, whatever the matte finds
EVEN_PROBABILITY = 0.5  # a pixel with this probability is as likely the subject as not

NEAR_BOTTOM = 8  # grid pixels, 1/18 of the height: a subject that ends nearer to the lower edge is cut by it
TOUCH_PX = 5  # grid pixels, odd: a thing that is nearer touches the subject


class LookMaps(NamedTuple):
    """The areas that one result finds; all (h, w) uint8 on the grid.

    subject: 255 where those who stay sharp may be, and what they hold.
    others: 255 where other people are.
    certain: More than 127 where the subject certainly is, whatever the matte finds.
    signs: 255 where there are signs of somebody else.
    """

    subject: SoftMask
    others: SoftMask
    certain: SoftMask
    signs: SoftMask


def union(areas: Iterable[SoftMask], wh: tuple[int, int]) -> SoftMask:
    """Return the maximum of areas (h, w) at each pixel of a grid of `wh`, 0 without any."""
    found = np.zeros(wh[::-1], np.uint8)
    for area in areas:
        np.maximum(found, area, out=found)
    return found


def reaching_down(subject: SoftMask, others: SoftMask) -> SoftMask:
    """Return a subject's area (h, w) uint8 down to the lower edge of the picture, in each column where it ends near that edge.

    A result's box ends above the edge for somebody whom the edge cuts, and its small map fades there. Where the subject does end
    above the edge, the matte says so.

    Args:
        subject: 255 where the subject may be.
        others: 255 where others are, who are left out.
    """
    low = subject[-NEAR_BOTTOM:]
    below = np.maximum.accumulate(low, axis=0)
    found = subject.copy()
    found[-NEAR_BOTTOM:] = np.where(others[-NEAR_BOTTOM:] > 0, low, below)
    return found


def maps_of(
    subjects: Sequence[Instance],
    things: Sequence[Instance],
    others: SoftMask,
    signs: SoftMask,
    threshold: float,
    *,
    bounds: bool,
) -> LookMaps:
    """Return the maps of a result.

    Args:
        subjects: The people who stay sharp.
        things: What they hold, which stays sharp too.
        others: (h, w) uint8, 255 where other people are.
        signs: 255 where there are signs of somebody.
        threshold: Least probability of a pixel in a mask, 0..1.
        bounds: The areas only bound what the matte finds; else nothing but these areas is known.
    """
    wh = others.shape[1], others.shape[0]

    def area(instances: Sequence[Instance], least: float) -> SoftMask:
        return union((on_grid(i, wh, least) for i in instances), wh)

    mine = reaching_down(area(subjects, threshold if bounds else EVEN_PROBABILITY), others)
    certain = eroded(area(subjects, CERTAIN_PROBABILITY)) if bounds else mine
    owned = area(things, EVEN_PROBABILITY)
    free = np.asarray(cv2.bitwise_and(others, cv2.bitwise_not(mine)), np.uint8)
    return LookMaps(
        np.asarray(cv2.max(mine, owned), np.uint8), free, np.asarray(cv2.max(certain, owned), np.uint8), signs
    )


def things_of(
    instances: Iterable[Instance], subjects: Sequence[Instance], mine: SoftMask, settings: ComposeSettings
) -> list[Instance]:
    """Return the instances of the classes of `--keep` that touch the subjects.

    Args:
        instances: All that a result found.
        subjects: The people who stay sharp.
        mine: (h, w) uint8 on the grid, 255 where they are.
        settings: With the classes and the least probabilities.
    """
    classes = {NAMES.index(name) for name in settings.keep}
    if not classes or not mine.any():
        return []
    wh = mine.shape[1], mine.shape[0]
    near = cv2.dilate(mine, np.ones((TOUCH_PX, TOUCH_PX), np.uint8))
    return [
        i
        for i in instances
        if i.class_id in classes
        and i.score >= settings.confidence
        and not any(i is s for s in subjects)
        and cv2.bitwise_and(on_grid(i, wh, settings.threshold), near).any()
    ]
