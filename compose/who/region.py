"""Propagate the area that may hold the subject from one result to the next. Pure.

Everything lies on a grid over the frame, `GRID_W` pixels along its longer side. The last result says who was where in an *older* frame. From
there the areas of the subject and of others are propagated, frame by frame, by the picture's own motion (see
compose/who/region_state.py). When the next result arrives, for an older frame again, propagation restarts from that frame
with the mattes that were stored since, so a result corrects the area without a jump.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import BgrImage, GrayImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.who.entrance import Entrance, entrance_of, strip_of
from compose.who.flow import Flow
from compose.who.neighbours import Near, Neighbours
from compose.who.region_state import (
    CALM,
    MIN_TRAVEL,
    OCCLUSION_NS,
    GridBox,
    Moved,
    Observation,
    RegionState,
    advance,
    dilated,
    either,
    faded,
    masked,
    move,
)

GRID_W, LEAST_GRID = 256, 8  # pixels of the longer side, and of the shorter at least
SAMPLE_SCALE = 2  # the picture is at least so much wider than the grid before it is sampled, or fine patterns alias
MAP_ERROR = 0.06  # of the square root of the subject's area: the error of the edge of a result's small map
CERTAIN_MARGIN = 0.04  # of the same: a result is certain of what lies so far inside its edge
# grid pixels that a subject who moves within itself may extend beyond its last area, from result to result
MAX_GROWTH = 12.0
# grid pixels a second, and at most, that the subject regains from result to result while somebody beside it is not found whole
RETURN_SPEED, MAX_RETURN = 21.0, 64.0
# grid pixels around others that are hidden while the subject is not found: around their last area, and around a result's
KNOWN_MARGIN, FOUND_MARGIN = 2, 8
HISTORY = 96  # frames at most, however old a mask may be
EMPTY_BOX = (0, 0, 0, 0)


class PresentFrame(NamedTuple):
    """The frame that is shown.

    captured_ns: When it was captured; see RegionState.
    picture: (H, W, 3) uint8 BGR.
    small: The same, halved for as long as it was much wider than the grid.
    grey: (h, w) uint8, the same on the grid.
    flow: Motion since the frame `since`; None if it is unknown.
    """

    frame_id: int
    captured_ns: int
    picture: BgrImage
    small: BgrImage
    grey: GrayImage
    flow: Flow | None
    since: int


def grid_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the columns and rows of the grid over a frame of `size_wh`: as many for a frame that stands upright as for one that lies."""
    scale = GRID_W / max(size_wh)
    return max(LEAST_GRID, round(size_wh[0] * scale)), max(LEAST_GRID, round(size_wh[1] * scale))


def sampled(pyramid: ImagePyramid, wh: tuple[int, int]) -> tuple[BgrImage, BgrImage]:
    """Return a picture halved for as long as it is much wider than a grid of `wh`, and on that grid, both (h, w, 3) uint8 BGR."""
    small = pyramid.smallest_at_least(SAMPLE_SCALE * wh[0], 1)
    return small, np.asarray(cv2.resize(small, wh), np.uint8)


def eroded(area: SoftMask) -> SoftMask:
    """Return the part of an area (h, w) uint8 that is far enough from its edge to be certain, soft."""
    radius = max(1, round(CERTAIN_MARGIN * float(np.count_nonzero(area)) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.GaussianBlur(cv2.erode(area, kernel), (3, 3), 0), np.uint8)


def limited(
    found: SoftMask, known: RegionState, near: Near, frames: int, elapsed_ns: int, *, came_in: SoftMask | None = None
) -> SoftMask:
    """Limit a result's subject (h, w) uint8 to what was the subject already, while somebody is near or the subject is new.

    Networks assign parts of a half hidden person to the subject, so what is new at its outline may be somebody else.

    Args:
        found: 255 where the result finds the subject.
        known: The areas in its frame, as far as they were known before.
        near: Who is near the subject.
        frames: Number of frames since the last result.
        elapsed_ns: Time since that.
        came_in: 255 where a new subject may have come in, behind whom somebody may be whom no result has found; None: it is not new.
    """
    is_near, is_new = near.hidden or near.beside, came_in is not None
    if not (is_near or is_new) or not known.subject.any():
        return found
    growth = min(known.motion_spread * frames, MAX_GROWTH) if known.motion_spread >= CALM else 0
    recent = dilated(known.recent, round(growth))
    if near.hidden or is_new:
        return masked(found, recent if came_in is None or is_near else either(recent, came_in))
    regained = dilated(known.confirmed, round(min(RETURN_SPEED * elapsed_ns / 1e9, MAX_RETURN)))
    return masked(found, cv2.max(regained, recent))


class Region:
    """The subject's area on the present frame, with the history that leads to it."""

    def __init__(self) -> None:
        self._states: deque[RegionState] = deque(maxlen=HISTORY)
        self._observed: deque[Observation] = deque(maxlen=HISTORY)
        self._oldest = 0  # frame_id
        self._result_id = self._result_ns = 0  # frame_id and capture time of the frame of the last result
        self._neighbours = Neighbours()
        self._entrance: Entrance | None = None  # where the subject came in, if it is new
        self._moved: tuple[RegionState, int, Moved] | None = None  # the last step: from which state to which frame

    @property
    def area(self) -> SoftMask | None:
        """The subject's area (h, w) uint8 in the newest state, None before the first result."""
        return self._states[-1].subject if self._states else None

    @property
    def others_most(self) -> int:
        """See `Neighbours.most`."""
        return self._neighbours.most

    @property
    def newest(self) -> RegionState | None:
        """The newest state, None before the first result."""
        return self._states[-1] if self._states else None

    @property
    def first_propagated(self) -> RegionState | None:
        """The first state after that of the last result, None where there is none yet."""
        return self._states[1] if len(self._states) > 1 else None

    def lookup(self, frame_id: int) -> SoftMask | None:
        """Return the subject's area in an earlier frame; if that was skipped, in the last frame before it.

        Returns:
            (h, w) uint8, or None if nothing has been propagated to that frame.
        """
        if not self._states or self._states[-1].frame_id < frame_id:
            return None
        return next((s.subject for s in reversed(self._states) if s.frame_id <= frame_id), None)

    def correct(
        self,
        frame_id: int,
        captured_ns: int,
        subject: SoftMask,
        others: SoftMask,
        certain: SoftMask,
        *,
        signs: SoftMask | None = None,
        is_same: bool = True,
        is_new: bool = False,
    ) -> None:
        """Restart from a result's areas in frame `frame_id`, and propagate them to the newest frame. Where that frame has been
        pruned the result shows nobody, and nothing changes.

        Args:
            frame_id: The result's frame.
            captured_ns: When that was captured; see RegionState.
            subject: (h, w) uint8, 255 where the subject may be.
            others: 255 where others are.
            certain: More than 127 where the subject certainly is, whatever the matte finds.
            signs: 255 where there are signs of somebody else, None for nowhere.
            is_same: The subject is the same person as before.
            is_new: Results have found the subject for a short time only, so somebody may be behind it whom no result has found.
        """
        if frame_id < self._oldest:
            return
        known = self._propagated_to(frame_id)
        max_travel, occlusion_ns = (known.max_travel, known.occlusion_ns) if known else (MIN_TRAVEL, 0)
        error = MAP_ERROR * float(np.count_nonzero(subject)) ** 0.5
        before = known if is_same else None
        if not is_same:
            self._neighbours = Neighbours()
        signs = np.zeros_like(others) if signs is None else signs
        near = Near(beside=False, hidden=False)
        if subject.any():
            near = self._neighbours.update(captured_ns, subject, others, signs)
        if before is not None:
            frames, elapsed_ns = frame_id - self._result_id, captured_ns - self._result_ns
            came_in = strip_of(self._entrance, before.subject) if is_new else None
            subject = limited(subject, before, near, frames, elapsed_ns, came_in=came_in)
        self._result_id, self._result_ns = frame_id, captured_ns
        others = either(others, signs)
        subject = masked(subject, cv2.bitwise_not(others))
        if not is_new:
            self._entrance = None
        elif before is None or not before.is_new or not before.subject.any():
            self._entrance = entrance_of(subject)
        recent = subject if before is None else either(faded(before.recent, 0, others), subject)
        self._restart(
            RegionState(
                frame_id=frame_id,
                captured_ns=captured_ns,
                subject=subject,
                confirmed=subject,
                recent=recent,
                others=others,
                certain=masked(certain, subject),
                unassigned=np.zeros_like(subject),
                max_travel=max_travel + error,
                occlusion_ns=OCCLUSION_NS if near.hidden else occlusion_ns,
                occluding=near.hidden,
                is_new=is_new,
            )
        )

    def hold(self, frame_id: int, captured_ns: int, others: SoftMask) -> bool:
        """Keep the area without letting it grow, where a result cannot tell the subject.

        Args:
            frame_id: The result's frame.
            captured_ns: When that was captured.
            others: (h, w) uint8, 255 where it found somebody. A margin around them is hidden, as they are hardly found whole.

        Returns:
            Whether anything of the area is left. If not, nothing has changed.
        """
        known = None if frame_id < self._oldest else self._propagated_to(frame_id)
        if known is None:
            return False
        others = either(dilated(known.others, KNOWN_MARGIN), dilated(others, FOUND_MARGIN))
        free = cv2.bitwise_not(others)
        subject, confirmed, certain = (masked(area, free) for area in (known.subject, known.confirmed, known.certain))
        if subject.any():
            self._restart(
                known._replace(
                    frame_id=frame_id,
                    captured_ns=captured_ns,
                    subject=subject,
                    confirmed=confirmed,
                    certain=certain,
                    others=others,
                    occlusion_ns=OCCLUSION_NS,
                )
            )
        return bool(subject.any())

    def predict(self, frame_id: int) -> SoftMask | None:
        """Return the subject's area in the newest frame, (h, w) uint8, before a matte was run on it; None before the first result."""
        known = self._propagated_to(frame_id)
        return None if known is None else known.subject

    def _restart(self, first: RegionState) -> None:
        """Start from a result's state, and propagate it through every frame since."""
        self._states = deque([first], maxlen=HISTORY)
        self.prune(first.frame_id)  # no result for an older frame will come
        for observed in self._observed:
            if observed.frame_id > first.frame_id:
                self._states.append(self._advanced(self._states[-1], observed))

    def _propagated_to(self, frame_id: int) -> RegionState | None:
        """Return the state in a frame, propagated there first if nobody was shown since; None before the first result."""
        if not self._states:
            return None
        for observed in self._observed:
            if self._states[-1].frame_id < observed.frame_id <= frame_id:
                self._states.append(self._advanced(self._states[-1], observed))
        return next((s for s in self._states if s.frame_id >= frame_id), self._states[-1])

    def prune(self, frame_id: int) -> None:
        """Drop what leads to frames before `frame_id`: no result for them can show anybody."""
        self._oldest = frame_id
        while self._observed and self._observed[0].frame_id < frame_id:
            self._observed.popleft()

    def push(self, present: PresentFrame) -> None:
        """Add the present frame, of which only the motion is known yet."""
        nothing = np.zeros(present.grey.shape, np.uint8)
        self._observed.append(
            Observation(present.frame_id, present.captured_ns, nothing, EMPTY_BOX, present.flow, present.since)
        )

    def propagate(self, likely: SoftMask | None, box: GridBox) -> RegionState:
        """Propagate the area to the newest frame, once per frame.

        Args:
            likely: (h', w') uint8, the matte's probability inside `box`; None without a matte.
            box: The part of the grid that the matte was run on.
        """
        if len(self._states) > 1 and self._states[-1].frame_id == self._observed[-1].frame_id:
            self._states.pop()  # a result restarted propagation before the matte was run
        last, observed = self._states[-1], self._observed[-1]
        if likely is not None:
            x0, y0, x1, y1 = box
            whole = np.zeros_like(observed.likely)
            whole[y0:y1, x0:x1] = cv2.resize(likely, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
            observed = self._observed[-1] = observed._replace(likely=whole, box=box)
        self._states.append(self._advanced(last, observed))
        return self._states[-1]

    def _advanced(self, last: RegionState, observed: Observation) -> RegionState:
        """Return the state in a frame. It is wanted twice: before the matte was run there, and after."""
        kept = self._moved
        if kept is None or kept[0] is not last or kept[1] != observed.frame_id:
            kept = self._moved = last, observed.frame_id, move(last, observed)
        return advance(last, observed, kept[2])
