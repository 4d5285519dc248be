"""Know how far a new subject has come into the picture since a result found it first. Pure.

Somebody may be behind a new subject, so its area does not grow by what results find. But who comes in from a side is larger in each
result: what lies in a strip along that side, as wide as the way that the subject has moved, has come in with it. Between results the
area does not grow there either: in the scene in which the subject leaves and returns that costs 0.02 of the IoU at 12 results a second,
and hides who comes out from behind somebody who walks in.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.who.others import sides


class Entrance(NamedTuple):
    """Where a new subject comes into the picture.

    side: "left" or "right".
    reach: Grid pixels from that side to the subject's far edge, when a result found it first.
    """

    side: str
    reach: int


def entrance_of(subject: SoftMask) -> Entrance | None:
    """Return where a subject, (h, w) uint8, may come in: it touches one side of the picture. None if it touches none, or both."""
    touched = tuple(sides(subject))
    return Entrance(touched[0], _reach(subject, touched[0])) if len(touched) == 1 else None


def strip_of(entrance: Entrance | None, subject: SoftMask) -> SoftMask:
    """Return 255 where a subject, (h, w) uint8, may have come in since; nowhere without an entrance."""
    found = np.zeros_like(subject)
    if entrance is not None and (way := _reach(subject, entrance.side) - entrance.reach) > 0:
        found[:, slice(0, way) if entrance.side == "left" else slice(-way, None)] = 255
    return found


def _reach(area: SoftMask, side: str) -> int:
    x, _, w, _ = cv2.boundingRect(area)
    return (x + w if side == "left" else area.shape[1] - x) if w else 0
