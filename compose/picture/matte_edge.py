"""The subject's edge on the present frame: the person matte's own, steadied, and bounded by the region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.selfie_matte import MATTE_SIZE_WH, Matte
from compose.picture.alpha import NOBODY, Alpha
from compose.who.flow import Flow, came_from
from compose.who.region import Present, Region
from compose.who.step import GridBox, Map, Step, widened

PAD = 0.25  # of the region's size, on every side: the network wants to see some background
LEAST_PAD = 4  # grid pixels
ROOMY = 1.35  # a box is kept while it is at most so many times as large as it need be: another one is another answer
# smooth step: a probability below LOW is hidden, above HIGH shown. Of five pairs from 0.1, 0.9 to 0.5, 0.9 on the clips
# again, milk, dance-twirl of ../shared/footage: 0.35, 0.75 leaks 0.002, 0.002, 0.19 and loses 0.0005, 0.004, 0.24; 0.25, 0.75
# leaks 0.003, 0.003, 0.22 for a loss of 0.0005, 0.004, 0.22; 0.45, 0.85 half as much (0.14) for 0.0009, 0.005, 0.29
LOW, HIGH = 0.35, 0.75
BESIDE = 8  # grid pixels: so near somebody else the bound does not fade outwards
BOUND_REACH = 2  # grid pixels that the edge may lie outside the region
STEADY = 0.7  # how much of an uncertain pixel comes from the frame before, at most
CLOSE = 0.25  # a probability that changed by more has changed
STILL_PX = 0.3  # grid pixels a frame
OLD_NS, OLDEST_NS = 400_000_000, 1_600_000_000  # the age of a result at which the bound begins to shrink, and is least


def padded(area: Map, pad: float = PAD) -> GridBox:
    """Half-open box x0, y0, x1, y1 around an area (h, w) that is not empty, padded, inside the grid."""
    x, y, w, h = cv2.boundingRect(area)
    dx, dy = max(round(w * pad), LEAST_PAD), max(round(h * pad), LEAST_PAD)
    return max(x - dx, 0), max(y - dy, 0), min(x + w + dx, area.shape[1]), min(y + h + dy, area.shape[0])


def kept(box: GridBox | None, area: Map) -> GridBox:
    """Where to look: the last `box` while it holds the area with half the padding and is not too large, else a new one."""
    new, least = padded(area), padded(area, PAD / 2)
    if box is None or _size(box) > ROOMY * _size(new):
        return new
    holds = box[0] <= least[0] and box[1] <= least[1] and box[2] >= least[2] and box[3] >= least[3]
    return box if holds else new


def _size(box: GridBox) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def scaled(box: GridBox, grid: tuple[int, ...], picture: tuple[int, ...]) -> GridBox:
    """A box on the grid in pixels of the frame; the shapes of both begin with rows and columns."""
    sx, sy = picture[1] / grid[1], picture[0] / grid[0]
    return round(box[0] * sx), round(box[1] * sy), round(box[2] * sx), round(box[3] * sy)


def smooth_step(low: float, high: float) -> NDArray[np.uint8]:
    """Table of 256 for 8-bit probabilities: 0 up to `low`, 255 from `high` (both 0..1), Hermite between."""
    t = np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1)
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)


_SHARPEN = smooth_step(LOW, HIGH)


_UNCERTAIN = np.array([STEADY * 255 * (1 - abs(p / 127.5 - 1)) for p in range(256)], np.uint8)
_CLOSE = np.array([255 * max(0.0, 1 - d / (CLOSE * 255)) for d in range(256)], np.uint8)


def steadied(likely: Map, before: Map, still: Map) -> Map:
    """A matte's probability (h, w) uint8 less its flicker: where nothing moved (`still` is 255), where it hardly changed
    and where it is uncertain, it takes part of what it was in the frame before. What has changed is never held back, so
    nothing ghosts."""
    weight = cv2.bitwise_and(cv2.LUT(cv2.absdiff(likely, before), _CLOSE), still)
    share = np.asarray(
        cv2.multiply(cv2.LUT(likely, _UNCERTAIN), weight, scale=1 / 255**2, dtype=cv2.CV_32F), np.float32
    )
    return np.asarray(cv2.blendLinear(before, likely, share, 1 - share), np.uint8)


def bound_of(step: Step, box: GridBox, age_ns: int) -> Map | None:
    """Where in `box` of the grid the subject may be at all, (h, w) uint8, soft; None for nowhere.

    The older the result, and the more doubt, the less room there is beyond the region.
    """
    x0, y0, x1, y1 = box
    mine, others, strays = (area[y0:y1, x0:x1] for area in (step.subject, step.others, step.strays))
    if not mine.any():
        return None
    room = 1 - min(1.0, max(0.0, (age_ns - OLD_NS) / (OLDEST_NS - OLD_NS)))
    reach = 0 if step.strict else round(BOUND_REACH * room)
    wide = cv2.dilate(mine, np.ones((2 * reach + 1,) * 2, np.uint8))
    # the edge between two people goes to the hidden side, and more so where nobody said who the other one is
    beside = widened(cv2.max(others, strays), BESIDE)
    soft = cv2.bitwise_and(cv2.GaussianBlur(wide, (3, 3), 0), cv2.bitwise_or(wide, cv2.bitwise_not(beside)))
    theirs = cv2.max(widened(others, 1), widened(strays, 2))
    return np.asarray(cv2.bitwise_and(soft, cv2.bitwise_not(theirs)), np.uint8)


def edge(step: Step, likely: Map, box: GridBox, pixels: GridBox, age_ns: int) -> Alpha:
    """Alpha of the subject.

    Args:
        step: The present frame's areas.
        likely: (144, 256) uint8, the matte's probability inside `box`.
        box: Where the matte looked, on the grid.
        pixels: The same in pixels of the frame.
        age_ns: Of the last result.
    """
    bound = bound_of(step, box, age_ns)
    if bound is None:
        return NOBODY
    x0, y0, x1, y1 = box
    size_wh = (pixels[2] - pixels[0], pixels[3] - pixels[1])
    solid = cv2.resize(step.solid[y0:y1, x0:x1], likely.shape[::-1], interpolation=cv2.INTER_LINEAR)
    sharp = cv2.LUT(cv2.resize(cv2.max(likely, solid), size_wh, interpolation=cv2.INTER_LINEAR), _SHARPEN)
    return cropped(cv2.min(sharp, cv2.resize(bound, size_wh, interpolation=cv2.INTER_LINEAR)), pixels)


def cropped(opacity: NDArray[np.uint8], pixels: GridBox) -> Alpha:
    """Opacity of the box `pixels` as an alpha of its part that is not empty: the blend need not do more."""
    x, y, w, h = cv2.boundingRect(opacity)
    left, top = pixels[0] + x, pixels[1] + y
    return Alpha(opacity[y : y + h, x : x + w], (left, top, left + w, top + h))


@dataclass
class MattePace:
    """On how many frames the matte runs: every `every`-th, as the governor says."""

    every: int = 1


class MatteEdge:
    """Finds the edge by the matte, on every frame unless the governor says otherwise; between, the last is carried on.

    Args:
        matte: The network.
        pace: On how many frames it runs.
    """

    bounds = True

    def __init__(self, matte: Matte, pace: MattePace) -> None:
        self._matte, self._pace = matte, pace
        self._box: GridBox | None = None
        self._before: tuple[int, Map] | None = None
        self._carried = 0  # frames since the matte ran

    def reset(self) -> None:
        """See Edge."""
        self._box, self._before, self._carried = None, None, 0

    def alpha(self, present: Present, region: Region, age_ns: int) -> Alpha:
        """See Edge."""
        assert region.area is not None
        box = kept(self._box, region.area)
        if box != self._box:
            self._box, self._before = box, None
        pixels = scaled(box, present.grey.shape, present.picture.shape)
        likely = self._likely(present, region.area, box)
        self._before = present.frame_id, likely
        return edge(region.roll(likely, box), likely, box, pixels, age_ns)

    def _likely(self, present: Present, area: Map, box: GridBox) -> Map:
        """Probability inside `box` on the present frame, (144, 256) uint8."""
        before = self._before[1] if self._before is not None and self._before[0] == present.since else None
        if before is not None and present.flow is not None and self._carried + 1 < self._pace.every:
            self._carried += 1
            return carried_on(before, present.flow, area, box)
        self._carried = 0
        likely = np.asarray(cv2.convertScaleAbs(self._matte.infer(_cut_out(present, box)), alpha=255), np.uint8)
        if before is None or present.flow is None:
            return likely
        return steadied(likely, before, _still(present.flow, box, likely.shape))


def carried_on(before: Map, flow: Flow, area: Map, box: GridBox) -> Map:
    """The last frame's probability (h, w) uint8 inside `box`, where it is now: see came_from."""
    x0, y0, x1, y1 = box
    scale_x, scale_y = before.shape[1] / (x1 - x0), before.shape[0] / (y1 - y0)
    x, y = (
        cv2.resize(found[y0:y1, x0:x1], before.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for found in came_from(flow, area)
    )
    # centres of pixels, from the grid to the matte's own
    x, y = (x - x0 + 0.5) * scale_x - 0.5, (y - y0 + 0.5) * scale_y - 0.5
    return np.asarray(cv2.remap(before, x, y, cv2.INTER_LINEAR), np.uint8)


def _cut_out(present: Present, box: GridBox) -> NDArray[np.uint8]:
    """A box of the picture, from the small one where that is still larger than the network wants it."""
    for source in (present.small, present.picture):
        x0, y0, x1, y1 = scaled(box, present.grey.shape, source.shape)
        if x1 - x0 >= MATTE_SIZE_WH[0] and y1 - y0 >= MATTE_SIZE_WH[1]:
            break
    return source[y0:y1, x0:x1]


def _still(flow: Flow, box: GridBox, shape: tuple[int, ...]) -> Map:
    """255 where the picture does not move inside a box, at the matte's own size."""
    x0, y0, x1, y1 = box
    still = flow.still(STILL_PX)[y0:y1, x0:x1]
    return np.asarray(cv2.resize(still, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
