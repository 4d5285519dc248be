"""Which part of the present frame may hold the subject, between one result and the next. Pure.

Everything lies on a grid of `GRID_W` columns over the frame. The last result says who was where in an *older* frame;
from there the areas of the subject and of others are rolled forward with the picture's own motion, step by step (see
compose/who/step.py). When a result for an older frame arrives, rolling starts again from it and the stored mattes since then
are replayed, so it corrects and does not jump.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import BgrImage, GrayImage, SoftMask
from compose.who.flow import Flow
from compose.who.neighbours import Near, Neighbours
from compose.who.step import CALM, DOUBT_FRAMES, LEAST_REACH, GridBox, Seen, Step, advance, faded, only, widened

GRID_W = 256
COARSE = 0.06  # of the square root of the subject's area: what the edge of a result's small map may be off
SOLID = 0.04  # of the same: as much inside of a result's edge it is sure
# grid pixels that a subject who moves within itself may get beyond where it was, from result to result
MOST_WITHIN = 12.0
BACK = 0.7  # grid pixels a frame that the subject may come back by while somebody beside it is not found whole
# grid pixels around others that are hidden while the subject is not found: where they were until now, where they are found now
HELD_BACK, HELD_OFF = 2, 8
HISTORY = 96  # frames at most, however old a mask may be
NOWHERE = (0, 0, 0, 0)


class Present(NamedTuple):
    """The frame that is shown.

    picture: (H, W, 3) uint8 BGR.
    small: The same, halved for as long as it was far wider than the grid.
    grey: (h, w) uint8, the same on the grid.
    flow: Since the frame `since`, None if unknown.
    """

    frame_id: int
    picture: BgrImage
    small: BgrImage
    grey: GrayImage
    flow: Flow | None
    since: int


def grid_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of the grid over a frame of `size_wh`."""
    return GRID_W, max(8, round(GRID_W * size_wh[1] / size_wh[0]))


def inside(sure: SoftMask) -> SoftMask:
    """The part of an area (h, w) uint8 that is far enough from its edge to be relied on, soft."""
    radius = max(1, round(SOLID * float(np.count_nonzero(sure)) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.GaussianBlur(cv2.erode(sure, kernel), (3, 3), 0), np.uint8)


def narrowed(granted: SoftMask, known: Step, near: Near, frames: int) -> SoftMask:
    """What of a result's subject (h, w) uint8 is shown while somebody is near: what was the subject's already.

    Networks give parts of somebody who is half hidden to the subject, so what is new at its outline may be somebody else.
    """
    if not (near.hidden or near.beside) or not known.subject.any():
        return granted
    within = min(known.spread * frames, MOST_WITHIN) if known.spread >= CALM else 0
    lately = widened(known.lately, round(within))
    if near.hidden:
        return only(granted, lately)
    return only(granted, cv2.max(widened(known.core, round(BACK * min(frames, HISTORY))), lately))


class Region:
    """The subject's area on the present frame, and the way there."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=HISTORY)
        self._seen: deque[Seen] = deque(maxlen=HISTORY)
        self._oldest = 0  # frame_id
        self._result_id = 0  # frame_id of the last result that was taken
        self._neighbours = Neighbours()

    @property
    def area(self) -> SoftMask | None:
        """(h, w) uint8 of the newest frame that was rolled to, None before the first result."""
        return self._steps[-1].subject if self._steps else None

    @property
    def newest(self) -> Step | None:
        """The step that was rolled to last, None before the first result."""
        return self._steps[-1] if self._steps else None

    @property
    def first_rolled(self) -> Step | None:
        """The first step after that of the last result, None where there is none yet."""
        return self._steps[1] if len(self._steps) > 1 else None

    def at(self, frame_id: int) -> SoftMask | None:
        """The subject's area in an earlier frame, or, if that was skipped, in the last one before it; None if neither that
        frame nor any after it was rolled to."""
        if not self._steps or self._steps[-1].frame_id < frame_id:
            return None
        return next((s.subject for s in reversed(self._steps) if s.frame_id <= frame_id), None)

    def seed(
        self,
        frame_id: int,
        subject: SoftMask,
        others: SoftMask,
        solid: SoftMask,
        *,
        signs: SoftMask | None = None,
        is_same: bool = True,
    ) -> None:
        """A result says who was where in frame `frame_id`: start there, and replay what came since. Where that is forgotten
        the result shows nobody, and changes nothing.

        Args:
            frame_id: Of the result.
            subject: (h, w) uint8, 255 where the subject may be.
            others: 255 where others are.
            solid: The same, soft, where it certainly is, whatever the matte may say.
            signs: 255 where somebody may be besides, None for nowhere.
            is_same: It is of whom the area was until now.
        """
        if frame_id < self._oldest:
            return
        known = self._roll_to(frame_id)
        reach, doubt = (known.reach, known.doubt) if known else (LEAST_REACH, 0)
        coarse = COARSE * float(np.count_nonzero(subject)) ** 0.5
        before = known if is_same else None
        if not is_same:
            self._neighbours = Neighbours()
        signs = np.zeros_like(others) if signs is None else signs
        near = Near(beside=False, hidden=False)
        if subject.any():
            near = self._neighbours.see(frame_id, subject, others, signs)
        if before is not None:
            subject = narrowed(subject, before, near, frame_id - self._result_id)
        doubt = DOUBT_FRAMES if near.hidden else doubt
        self._result_id = frame_id
        others = np.asarray(cv2.max(others, signs), np.uint8)
        subject = only(subject, cv2.bitwise_not(others))
        lately = subject if before is None else faded(before.lately, 0, others)
        nobody, solid = np.zeros_like(subject), only(solid, subject)
        lately = np.asarray(cv2.max(lately, subject), np.uint8)
        self._replay(
            Step(frame_id, subject, subject, lately, others, solid, nobody, reach + coarse, doubt, behind=near.hidden)
        )

    def hold(self, frame_id: int, others: SoftMask) -> bool:
        """Go on with the area as it is, but do not let it grow: a result of frame `frame_id` cannot tell the subject.

        Args:
            frame_id: Of the result.
            others: (h, w) uint8, 255 where it found somebody. It hardly finds them whole, so more than that is hidden.

        Returns:
            Whether anything is left. If not, nothing has changed.
        """
        known = None if frame_id < self._oldest else self._roll_to(frame_id)
        if known is None:
            return False
        others = np.asarray(cv2.max(widened(known.others, HELD_BACK), widened(others, HELD_OFF)), np.uint8)
        free = cv2.bitwise_not(others)
        subject, core, solid = (only(area, free) for area in (known.subject, known.core, known.solid))
        if subject.any():
            self._replay(
                known._replace(
                    frame_id=frame_id, subject=subject, core=core, solid=solid, others=others, doubt=DOUBT_FRAMES
                )
            )
        return bool(subject.any())

    def _replay(self, first: Step) -> None:
        """Start from a result's step, and take every frame since."""
        self._steps = deque([first], maxlen=HISTORY)
        self.forget(first.frame_id)  # no result for an older frame will come
        for seen in self._seen:
            if seen.frame_id > first.frame_id:
                self._steps.append(advance(self._steps[-1], seen))

    def _roll_to(self, frame_id: int) -> Step | None:
        """The step of a frame, rolled to first where nobody was shown since; None before the first result."""
        if not self._steps:
            return None
        for seen in self._seen:
            if self._steps[-1].frame_id < seen.frame_id <= frame_id:
                self._steps.append(advance(self._steps[-1], seen))
        return next((s for s in self._steps if s.frame_id >= frame_id), self._steps[-1])

    def forget(self, frame_id: int) -> None:
        """No result for a frame before `frame_id` can show anybody."""
        self._oldest = frame_id
        while self._seen and self._seen[0].frame_id < frame_id:
            self._seen.popleft()

    def see(self, present: Present) -> None:
        """The present frame, before anything is known of it but how it moved."""
        nothing = np.zeros(present.grey.shape, np.uint8)
        self._seen.append(Seen(present.frame_id, nothing, NOWHERE, present.flow, present.since))

    def roll(self, likely: SoftMask | None, box: GridBox) -> Step:
        """Roll on to the frame that was seen last, once.

        Args:
            likely: (h', w') uint8, the matte's probability inside `box`; None: there is no matte.
            box: Where it looked, on the grid.
        """
        if len(self._steps) > 1 and self._steps[-1].frame_id == self._seen[-1].frame_id:
            self._steps.pop()  # a replay went through it before the matte had looked
        last, seen = self._steps[-1], self._seen[-1]
        if likely is not None:
            x0, y0, x1, y1 = box
            whole = np.zeros_like(seen.likely)
            whole[y0:y1, x0:x1] = cv2.resize(likely, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
            seen = self._seen[-1] = seen._replace(likely=whole, box=box)
        self._steps.append(advance(last, seen))
        return self._steps[-1]
