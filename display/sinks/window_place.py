"""Fits the window to the screen. Pure."""

from __future__ import annotations

from typing import NamedTuple

FRAME_WH = (16, 48)  # what the borders and the title of a window take at most, pixels
UNKNOWN_WH = (1280, 720)  # the largest picture on a screen whose size is not known


class Area(NamedTuple):
    """A rectangle of the screen, pixels."""

    left: int
    top: int
    width: int
    height: int


def fit(width: int, height: int, work_area: Area | None) -> tuple[int, int]:
    """Return the width and height at which a picture is shown: its own, or smaller with the same aspect, so that the window
    with its frame fits into the work area."""
    room = UNKNOWN_WH if work_area is None else (work_area.width - FRAME_WH[0], work_area.height - FRAME_WH[1])
    factor = min(1.0, room[0] / width, room[1] / height)
    return max(1, int(width * factor)), max(1, int(height * factor))


def place(left: int, top: int, width: int, height: int, work_area: Area) -> tuple[int, int]:
    """Return where the upper left corner of a window's frame has to lie, at or near (left, top), so that no part of a picture
    of that size is outside the work area."""
    farthest_left = work_area.left + work_area.width - width - FRAME_WH[0]
    farthest_top = work_area.top + work_area.height - height - FRAME_WH[1]
    return max(work_area.left, min(left, farthest_left)), max(work_area.top, min(top, farthest_top))
