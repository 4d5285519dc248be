"""Say where people are in a result and in the present frame, in doubt too much, so that the rest is the empty room. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from common.ipc.records import Instance
from common.vision.arrays import SoftMask
from common.vision.grid import on_grid
from compose.who.look_maps import union
from compose.who.region_state import RegionState, dilated
from compose.who.room import NEAR_SUBJECT, Found, with_margin
from compose.who.subject import is_somebody

DOUBTFUL = 0.1  # a pixel with this probability may be somebody


def found_in(
    instances: Sequence[Instance], subjects: Sequence[Instance], area: SoftMask | None, wh: tuple[int, int]
) -> tuple[Found, bool]:
    """Return where a result finds people, and whether it proves that the rest is empty: one that did not find the subject may have
    missed others too.

    Args:
        instances: All that it found.
        subjects: Those who stay sharp.
        area: (h, w) uint8, more than 127 where the subject is in the result's frame; None: unknown.
        wh: Columns and rows of the grid.
    """
    mine = [i for i in instances if any(i is subject for subject in subjects)]
    rest = [i for i in instances if is_somebody(i) and not any(i is own for own in mine)]
    others = [on_grid(i, wh, DOUBTFUL) for i in rest]
    subject = [on_grid(i, wh, DOUBTFUL) for i in mine] + ([] if area is None else [area])
    around_subject = dilated(union(subject, wh), NEAR_SUBJECT)
    return Found(around_subject, union(others, wh), union(map(with_margin, others), wh)), bool(mine)


def areas_of(
    state: RegionState | None, subjects: Sequence[Instance], threshold: float, wh: tuple[int, int]
) -> tuple[SoftMask, SoftMask]:
    """Return where in the present frame the subject is, and where others may be, (h, w) uint8.

    Args:
        state: The region's areas in that frame; None: unknown, and the subject is where the last result found it.
        subjects: Who stays sharp.
        threshold: Least probability of a pixel in a mask, 0..1.
        wh: Columns and rows of the grid.
    """
    if state is None:
        return union((on_grid(i, wh, threshold) for i in subjects), wh), np.zeros(wh[::-1], np.uint8)
    return state.subject, np.asarray(cv2.max(state.others, state.unassigned), np.uint8)
