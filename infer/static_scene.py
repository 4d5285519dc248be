"""Whether a frame needs a close look: where nothing has moved since the last one that had it, its result still holds.

Where one person alone has been in view for a while, and only that person moved, nobody needs to be looked for either: the
result does not hold for the frame, but compose knows where that person is (see infer/calm.py).

Told from the picture reduced to cells of area means, which takes the sensor's noise away (5 grey levels of a pixel are 0.6 of
an 8 x 8 cell) and leaves whatever moves: one cell that has changed is motion; beside one person alone, a piece of `PIECE` cells is. It is always the frame last *looked at* that
is compared with, so slow motion adds up and is seen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.messages import Instance, LooksWanted
from common.vision.arrays import BgrImage, Mask
from common.vision.pyramid import Halves
from infer.calm import lone_person, own_cells

CELLS_WH = (160, 90)
# grey levels of any colour of any cell. In the shared empty room, heavily compressed, nobody there changes cells by 3 to 9
# from frame to frame, somebody who stands there by 5 to 40, somebody who comes by over 40
MOVED = 6
PIECE = 3  # cells across: 24 pixels at 1280 x 720
LOOK_AGAIN_NS = 500_000_000  # what was overlooked is not overlooked for longer
CALM_AGAIN_NS = 1_000_000_000  # nor where one person alone is followed
SAY_AGAIN_NS = 100_000_000  # as often as a Mask R-CNN would: a choice by hand waits for the next result
# so long one person must have been alone in view: longer than compose waits for who may come out from behind (compose/who/neighbours.py)
ALONE_NS = 4_000_000_000
RESERVE_NS = 100_000_000  # a frame is that old when a worker takes it, and its result when compose has it, at most


class Need(StrEnum):
    """Whether a frame is looked at, and why: SAME and OWN are not."""

    SAME = "nothing has moved"  # the last result is this frame's, too
    OWN = "only the one person has moved"  # it is not, but compose follows that person
    FIRST = "first of a stream"
    AGE = "age"
    OTHERS = "not one person alone"
    MOTION = "motion"
    ASKED = "compose cannot tell"


class Glance(NamedTuple):
    """What is compared of a frame.

    cells: (90, 160, 3) uint8, see cells_of.
    stream: Epoch and shape; another stream has nothing to do with this one.
    frame_id, captured_ns: Of the frame.
    """

    cells: BgrImage
    stream: tuple[int, tuple[int, ...]]
    frame_id: int
    captured_ns: int


def glance_at(picture: BgrImage, epoch: int, frame_id: int, captured_ns: int) -> Glance:
    """A glance at a frame, (H, W, 3) uint8 BGR."""
    return Glance(cells_of(picture), (epoch, picture.shape), frame_id, captured_ns)


class Still:
    """One result, and for how long it holds. A mask is as old as the frame that was looked at, however often it is said."""

    def __init__(self) -> None:
        self._looked: Glance | None = None
        self._last: Glance | None = None  # that was given to this worker
        self._took_ns = 0
        self._free_ns = 0  # when the worker could take another frame
        self._said_ns = 0
        self._own: Mask | None = None  # that only the one person in view moves in
        self._crowded_ns = 0  # when anybody but one person may have been in view
        self.instances: tuple[Instance, ...] = ()

    def need(self, now: Glance, wanted: LooksWanted) -> Need:
        """Return whether this frame must be looked at, in time for the limit that compose has `wanted`."""
        wait_ns = self._wait_ns(now)
        self._last, self._free_ns = now, now.captured_ns
        last = self._looked
        if last is None or last.stream != now.stream or now.captured_ns < last.captured_ns:
            return Need.FIRST
        # where another worker has looked since, this one need not for the mask's sake
        looked_ns = max(last.captured_ns, min(wanted.looked_ns, now.captured_ns))
        again_ns = LOOK_AGAIN_NS if self._own is None else CALM_AGAIN_NS
        if now.captured_ns - looked_ns > longest_ns(again_ns, 1_000_000 * wanted.limit_ms, wait_ns, self._took_ns):
            return Need.AGE
        if looked_ns < wanted.since_ns <= now.captured_ns:
            return Need.ASKED
        moved = moved_since(last.cells, now.cells)
        if not moved.any():
            return Need.SAME
        if self._own is None:
            return Need.OTHERS
        return Need.MOTION if is_somebody(moved & ~self._own) else Need.OWN

    def keep(self, now: Glance, instances: tuple[Instance, ...], took_ns: int) -> None:
        """This frame was looked at for `took_ns`, and these were found."""
        person, has_sign = lone_person(instances), any(i.is_sign for i in instances)
        had_sign = any(i.is_sign for i in self.instances)  # what one look alone has a sign of may be nobody
        is_first = self._looked is None or self._looked.stream != now.stream
        if is_first or person is None or (has_sign and had_sign):
            self._crowded_ns = now.captured_ns
        is_calm = not has_sign and now.captured_ns - self._crowded_ns >= ALONE_NS
        self._own = own_cells(person, CELLS_WH) if person is not None and is_calm else None
        self._looked, self._said_ns, self.instances = now, now.captured_ns, instances
        self._took_ns, self._free_ns = took_ns, now.captured_ns + took_ns

    def confirms(self, now: Glance, found: tuple[Instance, ...]) -> bool:
        """Whether one person alone has been in view for long and is still, as `found` says: nothing moved but where that person
        was and is."""
        person = lone_person(found)
        if self._own is None or self._looked is None or person is None or any(i.is_sign for i in found):
            return False
        own = self._own | own_cells(person, CELLS_WH)
        return not is_somebody(moved_since(self._looked.cells, now.cells) & ~own)

    def held_ns(self, captured_ns: int) -> int:
        """Return how much earlier than a frame the one that was looked at had been captured."""
        return 0 if self._looked is None else captured_ns - self._looked.captured_ns

    def _wait_ns(self, now: Glance) -> int:
        """Return how long the next frame may keep the worker waiting: a period of the camera, or of the worker's own pace."""
        last = self._last
        if last is None or last.stream != now.stream or last.frame_id >= now.frame_id:
            return 0
        period_ns = (now.captured_ns - last.captured_ns) // (now.frame_id - last.frame_id)
        return max(period_ns, now.captured_ns - self._free_ns)

    def is_to_be_said(self, captured_ns: int, wanted: LooksWanted) -> bool:
        """Whether it is time to say of this frame, too, that the result holds; then it counts as said. Where another worker
        has looked since, its result is the one that holds."""
        is_newest = self._looked is not None and self._looked.captured_ns >= wanted.looked_ns
        if not is_newest or captured_ns - self._said_ns < SAY_AGAIN_NS:
            return False
        self._said_ns = captured_ns
        return True


def moved_since(before: BgrImage, now: BgrImage) -> Mask:
    """Return (h, w) bool: which cells (h, w, 3) uint8 have changed in any colour."""
    return np.asarray(cv2.inRange(cv2.absdiff(before, now), (0,) * 3, (MOVED,) * 3) == 0)


def is_somebody(moved: Mask) -> bool:
    """Return whether cells that changed, (h, w) bool, hold a piece that may be a person coming in; the noise of a compressed
    picture changes one or two cells in a row."""
    return bool(cv2.erode(moved.astype(np.uint8), np.ones((PIECE, PIECE), np.uint8), borderValue=1).any())


def longest_ns(again_ns: int, limit_ns: int, wait_ns: int, took_ns: int) -> int:
    """Return for how long a result holds at most, so that the next one comes before the mask is too old.

    Args:
        again_ns: However long that would be.
        limit_ns: The age from which a mask shows nobody.
        wait_ns: Until the next frame comes.
        took_ns: What the last look took; the next one may take half as long again.
    """
    return min(again_ns, limit_ns - wait_ns - took_ns * 3 // 2 - RESERVE_NS)


def cells_of(picture: BgrImage) -> BgrImage:
    """(90, 160, 3) uint8: means over the cells of a picture (H, W, 3) uint8."""
    half = Halves(picture).at_least(*CELLS_WH)
    return np.asarray(cv2.resize(half, CELLS_WH, interpolation=cv2.INTER_AREA), np.uint8)
