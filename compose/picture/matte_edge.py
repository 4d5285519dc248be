"""Find the subject's edge on the present frame: the person matte, smoothed over time and bounded by the region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, FloatMap, SoftMask
from common.vision.selfie_matte import MATTE_SIZE_WH, Matte
from compose.picture.alpha import EMPTY, Alpha
from compose.who.flow import Flow, backward_map
from compose.who.region import PresentFrame, Region
from compose.who.region_state import GridBox, RegionState, dilated

PAD = 0.25  # of the region's size, on every side: the network needs some background
LEAST_PAD = 4  # grid pixels
# a box is kept while its area is at most so many times the area needed: with another box the matte gives another answer
MAX_EXCESS = 1.35
# smooth step: a probability below LOW is hidden, above HIGH it is shown. Of five pairs from 0.1, 0.9 to 0.5, 0.9 on the clips
# again, milk, dance-twirl: 0.35, 0.75 leaks 0.002, 0.002, 0.19 and loses 0.0005, 0.004, 0.24; 0.25, 0.75
# leaks 0.003, 0.003, 0.22 for a loss of 0.0005, 0.004, 0.22; 0.45, 0.85 half as much (0.14) for 0.0009, 0.005, 0.29
LOW, HIGH = 0.35, 0.75
BESIDE = 8  # grid pixels: the bound does not fade outwards so near somebody else
# a bite that the matte takes out of somebody whom the picture's lower edge cuts: rows above that edge, and columns from side to side;
# in shares of the frame. It is uncertain there: bites of 8 rows and 20 columns of 640 x 480 were seen in dark trousers
BITE_ROWS, BITE_COLUMNS = 1 / 40, 1 / 24
BOUND_MARGIN = 2  # grid pixels that the edge may lie outside the region
SMOOTHING = 0.7  # greatest share of the previous frame in an uncertain pixel
CHANGED = 0.25  # a probability that differs by more is not smoothed
STILL_PX = 0.3  # grid pixels a frame
OLD_NS, OLDEST_NS = 400_000_000, 1_600_000_000  # ages of a result between which the bound shrinks


def padded_box(area: SoftMask, pad: float = PAD) -> GridBox:
    """Return the padded half-open box x0, y0, x1, y1 around an area (h, w) that is not empty, inside the grid."""
    x, y, w, h = cv2.boundingRect(area)
    dx, dy = max(round(w * pad), LEAST_PAD), max(round(h * pad), LEAST_PAD)
    return max(x - dx, 0), max(y - dy, 0), min(x + w + dx, area.shape[1]), min(y + h + dy, area.shape[0])


def hysteresis_box(box: GridBox | None, area: SoftMask) -> GridBox:
    """Return the last `box` while it contains the area with half the padding and is not too large, else a new box."""
    new, least = padded_box(area), padded_box(area, PAD / 2)
    if box is None or _area(box) > MAX_EXCESS * _area(new):
        return new
    holds = box[0] <= least[0] and box[1] <= least[1] and box[2] >= least[2] and box[3] >= least[3]
    return box if holds else new


def _area(box: GridBox) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def scaled_box(box: GridBox, grid: tuple[int, ...], picture: tuple[int, ...]) -> GridBox:
    """Convert a box on the grid to pixels of the frame; the shapes of both begin with rows and columns."""
    sx, sy = picture[1] / grid[1], picture[0] / grid[0]
    return round(box[0] * sx), round(box[1] * sy), round(box[2] * sx), round(box[3] * sy)


def smooth_step(low: float, high: float) -> NDArray[np.uint8]:
    """Return a table (256,) for 8-bit probabilities: 0 up to `low`, 255 from `high` (both 0..1), Hermite between."""
    t = np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1)
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)


SHARPEN = smooth_step(LOW, HIGH)


_UNCERTAIN = np.array([SMOOTHING * 255 * (1 - abs(p / 127.5 - 1)) for p in range(256)], np.uint8)
_SIMILAR = np.array([255 * max(0.0, 1 - d / (CHANGED * 255)) for d in range(256)], np.uint8)


def temporal_smooth(likely: SoftMask, before: SoftMask, still: SoftMask) -> SoftMask:
    """Remove the flicker of a matte's probability.

    A pixel takes a share of the previous frame where the picture does not move, the probability hardly changed, and it is
    uncertain. A pixel that has changed takes none, so nothing leaves a ghost.

    Args:
        likely: (h, w) uint8, the matte on the present frame.
        before: (h, w) uint8, the result for the previous frame.
        still: (h, w) uint8, 255 where the picture does not move.
    """
    weight = cv2.bitwise_and(cv2.LUT(cv2.absdiff(likely, before), _SIMILAR), still)
    share = np.asarray(
        cv2.multiply(cv2.LUT(likely, _UNCERTAIN), weight, scale=1 / 255**2, dtype=cv2.CV_32F), np.float32
    )
    return np.asarray(cv2.blendLinear(before, likely, share, 1 - share), np.uint8)


def bound_of(state: RegionState, box: GridBox, age_ns: int) -> SoftMask | None:
    """Return the part of `box` that may hold the subject, (h, w) uint8, soft; None if there is none.

    It extends less beyond the region the older the result is, and not at all while the region is frozen.
    """
    x0, y0, x1, y1 = box
    mine, others, unassigned = (area[y0:y1, x0:x1] for area in (state.subject, state.others, state.unassigned))
    if not mine.any():
        return None
    freshness = 1 - min(1.0, max(0.0, (age_ns - OLD_NS) / (OLDEST_NS - OLD_NS)))
    margin = 0 if state.frozen else round(BOUND_MARGIN * freshness)
    wide = cv2.dilate(mine, np.ones((2 * margin + 1,) * 2, np.uint8))
    # the edge between two people belongs to the hidden one, with a wider margin if no result has found that person
    beside = dilated(cv2.max(others, unassigned), BESIDE)
    soft = cv2.bitwise_and(cv2.GaussianBlur(wide, (3, 3), 0), cv2.bitwise_or(wide, cv2.bitwise_not(beside)))
    theirs = cv2.max(dilated(others, 1), dilated(unassigned, 2))
    return np.asarray(cv2.bitwise_and(soft, cv2.bitwise_not(theirs)), np.uint8)


def edge_alpha(state: RegionState, likely: SoftMask, box: GridBox, pixels: GridBox, age_ns: int) -> Alpha:
    """Return the alpha of the subject.

    Args:
        state: The areas in the present frame.
        likely: (144, 256) uint8, the matte's probability inside `box`.
        box: The part of the grid that the matte was run on.
        pixels: The same in pixels of the frame.
        age_ns: Age of the last result.
    """
    bound = bound_of(state, box, age_ns)
    if bound is None:
        return EMPTY
    x0, y0, x1, y1 = box
    size_wh = (pixels[2] - pixels[0], pixels[3] - pixels[1])
    certain = cv2.resize(state.certain[y0:y1, x0:x1], likely.shape[::-1], interpolation=cv2.INTER_LINEAR)
    likely = np.asarray(cv2.max(likely, certain), np.uint8)
    if y1 >= state.subject.shape[0]:
        likely = without_bites(likely, (state.subject.shape[1] / (x1 - x0), state.subject.shape[0] / (y1 - y0)))
    sharp = cv2.LUT(cv2.resize(likely, size_wh, interpolation=cv2.INTER_LINEAR), SHARPEN)
    return crop_alpha(cv2.min(sharp, cv2.resize(bound, size_wh, interpolation=cv2.INTER_LINEAR)), pixels)


def without_bites(likely: SoftMask, frame: tuple[float, float]) -> SoftMask:
    """Fill small bites at the lower edge of the picture: what has the person above it, and on both sides.

    An elbow that ends above the edge is not drawn down, and what is between an arm and the body stays.

    Args:
        likely: (h, w) uint8, the matte's probability; its last row is the picture's.
        frame: Width and height of the frame, in those of the matte.
    """
    rows, columns = (
        max(1, round(share * side * of))
        for share, side, of in zip((BITE_ROWS, BITE_COLUMNS), likely.shape, frame[::-1], strict=True)
    )
    low = likely[-rows - 1 :]
    beside = cv2.morphologyEx(low, cv2.MORPH_CLOSE, np.ones((1, columns | 1), np.uint8))
    filled = likely.copy()
    filled[-rows - 1 :] = np.maximum(low, np.minimum(beside, np.maximum.accumulate(low, axis=0)))
    return filled


def crop_alpha(opacity: NDArray[np.uint8], pixels: GridBox) -> Alpha:
    """Return the alpha of the part of the box `pixels` that is not empty, so that the blend does no more than needed."""
    x, y, w, h = cv2.boundingRect(opacity)
    left, top = pixels[0] + x, pixels[1] + y
    return Alpha(opacity[y : y + h, x : x + w], (left, top, left + w, top + h))


@dataclass
class MattePace:
    """How often the matte runs: on every `every`-th frame, as the governor says."""

    every: int = 1


class MatteEdge:
    """Finds the edge with the matte.

    The matte runs on every frame unless the governor says otherwise: on the subject, and where the room is shown on a part of that
    too. On the frames between, its last answer about the subject is warped by the flow.

    Args:
        matte: The network.
        pace: How often it runs.
    """

    bounds = True

    def __init__(self, matte: Matte, pace: MattePace) -> None:
        self._matte, self._pace = matte, pace
        self._box: GridBox | None = None
        self._before: tuple[int, SoftMask] | None = None
        self._frames_since_matte = self._frames_since_part = 0

    def reset(self) -> None:
        """See Edge."""
        self._box, self._before, self._frames_since_matte, self._frames_since_part = None, None, 0, 0

    def likely_in(self, part: BgrImage) -> FloatMap | None:
        """See Edge."""
        self._frames_since_part += 1
        if self._frames_since_part < self._pace.every or not part.size:
            return None
        self._frames_since_part = 0
        # a part is high and narrow: fine patterns would alias in the network's own, bilinear, reduction of its rows
        rows = min(part.shape[0], MATTE_SIZE_WH[1])
        return self._matte.infer(
            np.asarray(cv2.resize(part, (part.shape[1], rows), interpolation=cv2.INTER_AREA), np.uint8)
        )

    def refine(self, present: PresentFrame, region: Region, age_ns: int) -> Alpha:
        """See Edge."""
        assert region.area is not None
        likely, box = self.infer(present, region.area)
        pixels = scaled_box(box, present.grey.shape, present.picture.shape)
        return edge_alpha(region.propagate(likely, box), likely, box, pixels, age_ns)

    def infer(self, present: PresentFrame, area: SoftMask) -> tuple[SoftMask, GridBox]:
        """Return the matte's probability on the present frame, (144, 256) uint8, and the box of the grid that it is of.

        Args:
            present: The frame that is shown.
            area: (h, w) uint8, where the subject may be; not empty.
        """
        box = hysteresis_box(self._box, area)
        if box != self._box:
            self._box, self._before = box, None
        likely = self._likely(present, area, box)
        self._before = present.frame_id, likely
        return likely, box

    def _likely(self, present: PresentFrame, area: SoftMask, box: GridBox) -> SoftMask:
        """Return the matte's probability inside `box` on the present frame, (144, 256) uint8."""
        before = self._before[1] if self._before is not None and self._before[0] == present.since else None
        if before is not None and present.flow is not None and self._frames_since_matte + 1 < self._pace.every:
            self._frames_since_matte += 1
            return warp_probability(before, present.flow, area, box)
        self._frames_since_matte = 0
        likely = np.asarray(cv2.convertScaleAbs(self._matte.infer(_crop(present, box)), alpha=255), np.uint8)
        if before is None or present.flow is None:
            return likely
        return temporal_smooth(likely, before, _static(present.flow, box, likely.shape))


def warp_probability(before: SoftMask, flow: Flow, area: SoftMask, box: GridBox) -> SoftMask:
    """Warp the last frame's probability (h, w) uint8 inside `box` to the present frame; see backward_map."""
    x0, y0, x1, y1 = box
    scale_x, scale_y = before.shape[1] / (x1 - x0), before.shape[0] / (y1 - y0)
    x, y = (
        cv2.resize(found[y0:y1, x0:x1], before.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for found in backward_map(flow, area)
    )
    # pixel centres: from the grid to the matte's input
    x, y = (x - x0 + 0.5) * scale_x - 0.5, (y - y0 + 0.5) * scale_y - 0.5
    return np.asarray(cv2.remap(before, x, y, cv2.INTER_LINEAR), np.uint8)


def _crop(present: PresentFrame, box: GridBox) -> NDArray[np.uint8]:
    """Crop a box of the picture: from the small picture if that is still larger than the network's input."""
    for source in (present.small, present.picture):
        x0, y0, x1, y1 = scaled_box(box, present.grey.shape, source.shape)
        if x1 - x0 >= MATTE_SIZE_WH[0] and y1 - y0 >= MATTE_SIZE_WH[1]:
            break
    return source[y0:y1, x0:x1]


def _static(flow: Flow, box: GridBox, shape: tuple[int, ...]) -> SoftMask:
    """Return 255 where the picture does not move inside a box, at the size of the matte."""
    x0, y0, x1, y1 = box
    still = flow.static_mask(STILL_PX)[y0:y1, x0:x1]
    return np.asarray(cv2.resize(still, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
