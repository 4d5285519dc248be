"""Measure how a picture has moved since the one before, and where the measurement can be trusted. Pure.

Optical flow is measured forwards and backwards by dense inverse search (Kroeger et al. 2016, cv2.DISOpticalFlow): 0.7 ms on the
grid. Unchecked flow leaks more than an old mask, so every pixel is checked: the flow there and back must end where it began, and
the two pixels must look the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import GrayImage, SoftMask

# pixels that the flow there and back may differ, and grey levels that a pixel may change. With looser limits the edge of somebody
# who comes out from behind moves with the subject (`python -m tests.bench people`)
SURE_PX, SURE_GREY = 0.3, 10
PLAUSIBLE_PX, PLAUSIBLE_GREY = 1.0, 25
LEAST_SIDE = 32  # pixels: OpenCV 4.14 crashes on a flat picture with fewer rows, as the grid of a source of 50 x 2 has
NEIGHBOURHOOD_PX = 5  # a single pixel may look the same by chance, a neighbourhood hardly does
SAMPLE_STEP = 3  # every third row and column is enough for a median


class Flow(NamedTuple):
    """Motion from the previous picture to the present one; all arrays have the grid's shape (h, w).

    x, y: float32, column and row of each pixel in the previous picture.
    sure: uint8, 255 where the flow passes the strict check.
    plausible: uint8, 255 where it passes the loose check.
    before, now: uint8 grey, the two pictures.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    sure: SoftMask
    plausible: SoftMask
    before: GrayImage
    now: GrayImage

    def shift(self, area: SoftMask) -> NDArray[np.float32]:
        """Return the backward motion of an area (inside: more than 127) as a whole, x and y in pixels: the median where sure."""
        return _median_of_columns(
            self.backward_motion(cv2.bitwise_and(self.sure, cv2.threshold(area, 127, 255, cv2.THRESH_BINARY)[1]))
        )

    def residual(self, shift: NDArray[np.float32], box: tuple[int, int, int, int]) -> GrayImage:
        """Return the difference between the two pictures, grey levels, if everything had moved by `shift`.

        Args:
            shift: Backward motion x, y in pixels.
            box: Half-open x0, y0, x1, y1.
        """
        x0, y0, x1, y1 = box
        taken = np.array([[1, 0, shift[0] + x0], [0, 1, shift[1] + y0]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        was = cv2.warpAffine(self.before, taken, (x1 - x0, y1 - y0), flags=flags)
        return np.asarray(
            cv2.blur(cv2.absdiff(self.now[y0:y1, x0:x1], was), (NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX)), np.uint8
        )

    def backward_motion(self, of: SoftMask) -> NDArray[np.float32]:
        """Return the backward motion (n, 2), x and y in pixels, of a sample of the pixels where `of` (h, w) uint8 is not 0."""
        rows, columns = np.nonzero(of[::SAMPLE_STEP, ::SAMPLE_STEP])
        rows, columns = rows * SAMPLE_STEP, columns * SAMPLE_STEP
        return np.stack([self.x[rows, columns] - columns, self.y[rows, columns] - rows], axis=1).astype(np.float32)

    def motion_spread(self, area: SoftMask) -> float:
        """Return how much an area moves within itself, pixels: the 90th percentile of the distance to its median motion."""
        found = self.backward_motion(cv2.threshold(area, 127, 255, cv2.THRESH_BINARY)[1])
        if not len(found):
            return 0.0
        away = np.abs(found - _median_of_columns(found)).max(-1)
        return float(np.partition(away, len(away) * 9 // 10)[len(away) * 9 // 10])

    def static_mask(self, least_px: float) -> SoftMask:
        """Return 255 where the picture surely moved by less than `least_px` pixels."""
        height, width = self.sure.shape
        moved = cv2.max(cv2.absdiff(self.x, _columns(width, height)), cv2.absdiff(self.y, _rows(width, height)))
        return np.asarray(cv2.bitwise_and(self.sure, cv2.compare(moved, least_px, cv2.CMP_LT)), np.uint8)


class FlowMeter:
    """Measures one picture after the other."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: GrayImage | None = None

    def measure(self, now: GrayImage) -> Flow | None:
        """Return the flow from the last picture to `now`, (h, w) uint8; None if there is no last picture of the same size."""
        return None if (pair := self._pair(now)) is None else _checked(*pair)

    def measure_both(self, now: GrayImage) -> tuple[Flow, Flow] | None:
        """Return the flow from the last picture to `now` and the flow from `now` to the last picture; None as `measure`."""
        if (pair := self._pair(now)) is None:
            return None
        before, _, back, there = pair
        return _checked(*pair), _checked(now, before, there, back)

    def _pair(self, now: GrayImage) -> tuple[GrayImage, GrayImage, NDArray[np.float32], NDArray[np.float32]] | None:
        """Return the last picture, this one, and the motion (h, w, 2) from each of its pixels to the last picture and back."""
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return None
        back, there = (dense_flow(self._search, *pair) for pair in ((now, before), (before, now)))
        return before, now, back, there


def dense_flow(search: cv2.DISOpticalFlow, of: GrayImage, to: GrayImage) -> NDArray[np.float32]:
    """Return the motion from each pixel of a picture (h, w) uint8 to another one, (h, w, 2) float32: columns and rows."""
    rows, columns = (max(0, LEAST_SIDE - side) for side in of.shape)
    one, other = (cv2.copyMakeBorder(each, 0, rows, 0, columns, cv2.BORDER_REPLICATE) for each in (of, to))
    return np.asarray(search.calc(one, other, np.empty(0)), np.float32)[: of.shape[0], : of.shape[1]]


def _checked(before: GrayImage, now: GrayImage, back: NDArray[np.float32], there: NDArray[np.float32]) -> Flow:
    """Return the flow from `before` to `now`, checked by the motion there and back."""
    height, width = now.shape
    back_x, back_y = cv2.split(back)
    x, y = cv2.add(back_x, _columns(width, height)), cv2.add(back_y, _rows(width, height))
    again_x, again_y = cv2.split(cv2.remap(there, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    was = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off = cv2.max(cv2.absdiff(cv2.add(back_x, again_x), 0), cv2.absdiff(cv2.add(back_y, again_y), 0))
    changed = cv2.dilate(cv2.absdiff(now, was), np.ones((NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX), np.uint8))
    sure, plausible = (
        np.asarray(cv2.bitwise_and(cv2.compare(off, px, cv2.CMP_LT), cv2.compare(changed, grey, cv2.CMP_LT)), np.uint8)
        for px, grey in ((SURE_PX, SURE_GREY), (PLAUSIBLE_PX, PLAUSIBLE_GREY))
    )
    return Flow(np.asarray(x, np.float32), np.asarray(y, np.float32), sure, plausible, before, now)


@lru_cache(maxsize=4)
def _columns(width: int, height: int) -> NDArray[np.float32]:
    return np.tile(np.arange(width, dtype=np.float32), (height, 1))


@lru_cache(maxsize=4)
def _rows(width: int, height: int) -> NDArray[np.float32]:
    return np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)


def _median_of_columns(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the upper median of each column of (n, 2), 0 if n is 0. np.median takes five times as long."""
    return np.partition(found, len(found) // 2, axis=0)[len(found) // 2] if len(found) else np.zeros(2, np.float32)


def backward_map(flow: Flow, area: SoftMask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the column and row (h, w) of each pixel in the previous picture: by the flow where it is sure, elsewhere by the
    median motion of `area` (inside: more than 127)."""
    shift = flow.shift(area)
    x = cv2.copyTo(flow.x, flow.sure, _columns(*area.shape[::-1]) + shift[0])
    y = cv2.copyTo(flow.y, flow.sure, _rows(*area.shape[::-1]) + shift[1])
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def warp(flow: Flow, area: SoftMask, *along: SoftMask) -> tuple[SoftMask, ...]:
    """Warp areas (h, w) uint8, soft, to the present picture, by the `backward_map` of the first. Outside the picture they are 0."""
    if not area.any():
        return area, *along
    moved = cv2.remap(cv2.merge([area, *along]), *backward_map(flow, area), cv2.INTER_LINEAR)
    return tuple(np.asarray(one, np.uint8) for one in cv2.split(moved))
