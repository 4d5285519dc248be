"""Draw what happened when as lanes of an SVG picture. Pure.

Time is divided into columns, and a bar in a column is as high as the share of the column's time in which the lane holds. So
three hours take no more bytes than three minutes, and a lane that holds for a single frame is still seen.
"""

from __future__ import annotations

from array import array
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

COLUMNS = 300
HEIGHT = 20  # units of the picture, of which a column is one wide
LOWEST = 4  # of a bar: what holds for one frame of thousands must be seen


class Lane(IntFlag):
    """What can hold of a frame."""

    SHOWN = 1
    HIDDEN = 2
    LOOK = 4
    OTHERS = 8


class Timeline:
    """Collects what holds of each frame, in 9 bytes a frame."""

    def __init__(self) -> None:
        self._times_s, self._lanes = array("d"), array("B")
        self._end_s = 0.0

    def add(self, begin_s: float, end_s: float, lanes: Lane) -> None:
        """Add the next frame, and what holds of it."""
        self._times_s.append(begin_s)
        self._lanes.append(lanes)
        self._end_s = end_s

    def shares(self, lane: Lane) -> NDArray[np.float64]:
        """Return for each column the share of its time in which `lane` holds, (COLUMNS,) 0..1."""
        times_s = np.array([*self._times_s, self._end_s])
        holds = (np.frombuffer(self._lanes, np.uint8) & lane) != 0
        held_s = np.concatenate([[0.0], np.cumsum(np.diff(times_s) * holds)])  # from the beginning to each frame
        edges_s = np.linspace(times_s[0], times_s[-1], COLUMNS + 1)
        width_s = (times_s[-1] - times_s[0]) / COLUMNS
        if not width_s:  # one frame
            return np.full(COLUMNS, float(holds.any()))
        shares: NDArray[np.float64] = np.clip(np.diff(np.interp(edges_s, times_s, held_s)) / width_s, 0.0, 1.0)
        return shares


def path_of(shares: NDArray[np.float64]) -> str:
    """Return the path of an SVG picture of COLUMNS x HEIGHT units with a bar for each column. Equal neighbours are one bar."""
    heights = [0 if share < 1e-9 else max(LOWEST, round(HEIGHT * float(share))) for share in shares]
    path, begin = [], 0
    for column in range(1, COLUMNS + 1):
        if column == COLUMNS or heights[column] != heights[begin]:
            if heights[begin]:
                path.append(f"M{begin} {HEIGHT}v-{heights[begin]}h{column - begin}v{heights[begin]}z")
            begin = column
    return "".join(path)
