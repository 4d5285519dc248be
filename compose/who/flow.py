"""How a picture has moved since the one before, and where that can be trusted. Pure.

Dense inverse search (Kroeger et al. 2016, cv2.DISOpticalFlow) there and back: 0.7 ms on the grid. Unchecked flow leaks
more than a stale mask (docs/how-it-works.md, "Where the edge is"), so every pixel is checked: there and back again must end where it began, and
must look the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# pixels that there and back may differ, and grey levels that a pixel may change; the people table of tests/bench says
# what looser bounds let through: the edge of somebody who comes out from behind is dragged along with the subject
SURE_PX, SURE_GREY = 0.3, 10
PLAUSIBLE_PX, PLAUSIBLE_GREY = 1.0, 25
LOOK = 5  # pixels: one alone may look the same by chance, its neighbours hardly do too
SAMPLE = 3  # every so many rows and columns are enough for a median

Grey = NDArray[np.uint8]
Area = NDArray[np.uint8]


class Flow(NamedTuple):
    """Motion up to the present picture; all of the grid's shape (h, w).

    x, y: float32, columns and rows: where a pixel was in the picture before.
    sure: uint8, 255 where that passes the strict check.
    plausible: uint8, 255 where it passes the loose one.
    before, now: uint8 grey, the two pictures.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    sure: Area
    plausible: Area
    before: Grey
    now: Grey

    def shift(self, area: Area) -> NDArray[np.float32]:
        """How an area (inside: more than 127) moved as a whole, backwards, x and y in pixels: the median where sure."""
        return _median(self.back(cv2.bitwise_and(self.sure, cv2.threshold(area, 127, 255, cv2.THRESH_BINARY)[1])))

    def unlike(self, shift: NDArray[np.float32], box: tuple[int, int, int, int]) -> Grey:
        """How much the picture around each pixel of a half-open box x0, y0, x1, y1 differs from the one before, had
        everything moved by `shift`."""
        x0, y0, x1, y1 = box
        taken = np.array([[1, 0, shift[0] + x0], [0, 1, shift[1] + y0]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        was = cv2.warpAffine(self.before, taken, (x1 - x0, y1 - y0), flags=flags)
        return np.asarray(cv2.blur(cv2.absdiff(self.now[y0:y1, x0:x1], was), (LOOK, LOOK)), np.uint8)

    def back(self, of: Area) -> NDArray[np.float32]:
        """Motion backwards (n, 2) of some of the pixels where `of` (h, w) uint8 is not 0, x and y in pixels."""
        rows, columns = np.nonzero(of[::SAMPLE, ::SAMPLE])
        rows, columns = rows * SAMPLE, columns * SAMPLE
        return np.stack([self.x[rows, columns] - columns, self.y[rows, columns] - rows], axis=1).astype(np.float32)

    def spread(self, area: Area) -> float:
        """How much an area moves within itself, pixels: the 90th percentile of the distance to its own median."""
        found = self.back(cv2.threshold(area, 127, 255, cv2.THRESH_BINARY)[1])
        if not len(found):
            return 0.0
        away = np.abs(found - _median(found)).max(-1)
        return float(np.partition(away, len(away) * 9 // 10)[len(away) * 9 // 10])

    def still(self, least_px: float) -> Area:
        """255 where the picture surely moved by less than `least_px`."""
        height, width = self.sure.shape
        moved = cv2.max(cv2.absdiff(self.x, _columns(width, height)), cv2.absdiff(self.y, _rows(width, height)))
        return np.asarray(cv2.bitwise_and(self.sure, cv2.compare(moved, least_px, cv2.CMP_LT)), np.uint8)


class FlowMeter:
    """Measures one picture after the other."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: Grey | None = None

    def measure(self, now: Grey) -> Flow | None:
        """Flow from the picture before to `now`, (h, w) uint8; None where there is none of its size."""
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return None
        height, width = now.shape
        back = self._search.calc(now, before, np.empty(0))
        there = self._search.calc(before, now, np.empty(0))
        back_x, back_y = cv2.split(back)
        x, y = cv2.add(back_x, _columns(width, height)), cv2.add(back_y, _rows(width, height))
        again_x, again_y = cv2.split(cv2.remap(there, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        was = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        off = cv2.max(cv2.absdiff(cv2.add(back_x, again_x), 0), cv2.absdiff(cv2.add(back_y, again_y), 0))
        changed = cv2.dilate(cv2.absdiff(now, was), np.ones((LOOK, LOOK), np.uint8))
        sure, plausible = (
            np.asarray(
                cv2.bitwise_and(cv2.compare(off, px, cv2.CMP_LT), cv2.compare(changed, grey, cv2.CMP_LT)), np.uint8
            )
            for px, grey in ((SURE_PX, SURE_GREY), (PLAUSIBLE_PX, PLAUSIBLE_GREY))
        )
        return Flow(np.asarray(x, np.float32), np.asarray(y, np.float32), sure, plausible, before, now)


@lru_cache(maxsize=4)
def _columns(width: int, height: int) -> NDArray[np.float32]:
    return np.tile(np.arange(width, dtype=np.float32), (height, 1))


@lru_cache(maxsize=4)
def _rows(width: int, height: int) -> NDArray[np.float32]:
    return np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)


def _median(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each column of (n, 2), the upper of two middles; 0 of nothing. np.median takes five times as long."""
    return np.partition(found, len(found) // 2, axis=0)[len(found) // 2] if len(found) else np.zeros(2, np.float32)


def came_from(flow: Flow, area: Area) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows (h, w) where each pixel was: by the flow where it is sure, elsewhere as an area (inside: more than
    127) moves as a whole, the median."""
    shift = flow.shift(area)
    x = cv2.copyTo(flow.x, flow.sure, _columns(*area.shape[::-1]) + shift[0])
    y = cv2.copyTo(flow.y, flow.sure, _rows(*area.shape[::-1]) + shift[1])
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def carried(flow: Flow, area: Area, *along: Area) -> tuple[Area, ...]:
    """Areas (h, w) uint8, soft, moved on to the present picture as `came_from` the first of them says. Nothing comes in
    over the border."""
    if not area.any():
        return area, *along
    moved = cv2.remap(cv2.merge([area, *along]), *came_from(flow, area), cv2.INTER_LINEAR)
    return tuple(np.asarray(one, np.uint8) for one in cv2.split(moved))
