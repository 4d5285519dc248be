"""Which part of the present frame may hold the subject, between one result and the next. Pure.

Everything lies on a grid of `GRID_W` columns over the frame. The last result says who was where in an *older* frame;
from there the areas of the subject and of others are rolled forward: a pixel that the matte calls a person belongs to
whoever was nearer a frame ago, if that was near enough, and a tie to nobody. When a result for an older frame arrives,
rolling starts again from it and the stored mattes since then are replayed, so it corrects and does not jump.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.messages import Instance

GRID_W = 256
LEAST_REACH = 2.0  # grid pixels a frame: what a still person moves, and what the grid rounds
MOST_REACH = 0.18  # of the square root of the subject's area: a fast mover (DESIGN section 5)
COARSE = 0.06  # of the same: what the edge of a result's small map may be off
FASTER = 1.6  # a mover may be faster in the next frame than in this one
HISTORY = 96  # frames: three seconds at 30 a second
PERSON = 128  # of 255: from here the matte calls it a person

Map = NDArray[np.uint8]
GridBox = tuple[int, int, int, int]


class Step(NamedTuple):
    """One frame on the grid: (h, w) uint8, 255 where the subject is, where others are; how far it may go from here."""

    frame_id: int
    subject: Map
    others: Map
    reach: float


class Seen(NamedTuple):
    """What the matte said of one frame, and where it looked."""

    frame_id: int
    person: NDArray[np.bool_]
    box: GridBox


def grid_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of the grid over a frame of `size_wh`."""
    return GRID_W, max(8, round(GRID_W * size_wh[1] / size_wh[0]))


def on_grid(instance: Instance, wh: tuple[int, int], threshold: float) -> Map:
    """(h, w) uint8: 255 where an instance's probability is above `threshold` (0..1), else 0."""
    canvas = np.zeros(wh[::-1], np.uint8)
    left, top = int(instance.box_xyxy[0] * wh[0]), int(instance.box_xyxy[1] * wh[1])
    right, bottom = int(np.ceil(instance.box_xyxy[2] * wh[0])), int(np.ceil(instance.box_xyxy[3] * wh[1]))
    small = np.frombuffer(instance.probability, np.uint8).reshape(instance.map_height, instance.map_width)
    likely = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    canvas[top:bottom, left:right] = cv2.threshold(likely, threshold * 255, 255, cv2.THRESH_BINARY)[1]
    return canvas


def advance(last: Step, seen: Seen) -> Step:
    """The areas of a frame, from those of an earlier one and its own matte."""
    frames = max(1, seen.frame_id - last.frame_id)
    to_subject, to_others = _distance(last.subject), _distance(last.others)
    most = max(LEAST_REACH, MOST_REACH * float(np.count_nonzero(last.subject)) ** 0.5)
    mine = seen.person & (to_subject <= min(last.reach * frames, most)) & (to_subject < to_others)
    theirs = seen.person & (to_others <= most) & ~mine
    x0, y0, x1, y1 = seen.box
    others = last.others.copy()  # where the matte did not look they stay where they were
    others[y0:y1, x0:x1] = np.where(theirs[y0:y1, x0:x1], 255, 0)
    moved = float(np.percentile(to_subject[mine], 99)) / frames if mine.any() else 0.0
    reach = min(FASTER * moved + LEAST_REACH, most)
    return Step(seen.frame_id, np.where(mine, 255, 0).astype(np.uint8), others, reach)


def _distance(area: Map) -> NDArray[np.float32]:
    """Distance of every pixel to `area` in grid pixels; far where it is empty."""
    if not area.any():
        return np.full(area.shape, 1e6, np.float32)
    found: NDArray[np.float32] = cv2.distanceTransform(cv2.bitwise_not(area), cv2.DIST_L2, 3)
    return found


class Region:
    """The subject's area on the present frame, and the way there."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=HISTORY)
        self._seen: deque[Seen] = deque(maxlen=HISTORY)

    @property
    def area(self) -> Map | None:
        """(h, w) uint8 of the newest frame that was rolled to, None before the first result."""
        return self._steps[-1].subject if self._steps else None

    def at(self, frame_id: int) -> Map | None:
        """The subject's area in an earlier frame, None if that is not known."""
        return next((s.subject for s in reversed(self._steps) if s.frame_id == frame_id), None)

    def seed(self, frame_id: int, subject: Map, others: Map) -> None:
        """A result says who was where in frame `frame_id`: start there, and replay what came since."""
        reach = next((s.reach for s in self._steps if s.frame_id >= frame_id), LEAST_REACH)
        coarse = COARSE * float(np.count_nonzero(subject)) ** 0.5
        self._steps = deque([Step(frame_id, subject, others, reach + coarse)], maxlen=HISTORY)
        for seen in self._seen:
            if seen.frame_id > frame_id:
                self._steps.append(advance(self._steps[-1], seen))

    def roll(self, frame_id: int, likely: NDArray[np.uint8], box: GridBox) -> Step:
        """The present frame.

        Args:
            frame_id: Its number.
            likely: (h', w') uint8, the matte's probability inside `box`.
            box: Where it looked, on the grid.
        """
        last = self._steps[-1]
        person = np.zeros(last.subject.shape, np.bool_)
        x0, y0, x1, y1 = box
        person[y0:y1, x0:x1] = cv2.resize(likely, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) >= PERSON
        self._seen.append(Seen(frame_id, person, box))
        self._steps.append(advance(last, self._seen[-1]))
        return self._steps[-1]
