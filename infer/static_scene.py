"""Decides whether a frame needs an inference. If nothing has moved since the last inference, its result is still valid.

If one person has been alone in view for a while and only that person moved, no inference is needed either: the result is
not valid for the frame, but compose knows where that person is (see infer/lone_person.py).

Frames are compared as thumbnails of cell means. The mean removes sensor noise (5 grey levels of a pixel are 0.6 of a cell
of 8 x 8 pixels) and keeps motion. One changed cell is motion; beside a lone person a block of `MIN_CHANGE_CELLS` is. Each
frame is compared with the frame of the last *inference*, so slow motion adds up and is detected.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.messages import InferenceScheduled
from common.ipc.records import Instance
from common.ipc.source_period import SLOW_NS
from common.vision.arrays import BgrImage, Mask
from common.vision.pyramid import ImagePyramid
from infer.lone_person import lone_person, own_cells

CELLS_WH = (160, 90)
# Grey levels, of any colour of any cell. Measured in the shared, heavily compressed clip of an empty room: cells change by 3
# to 9 from frame to frame while nobody is there, by 5 to 40 where somebody stands, by over 40 where somebody walks.
CHANGE_THRESHOLD = 6
MIN_CHANGE_CELLS = 3  # side of a block: 24 pixels at 1280 x 720
MAX_HOLD_NS = 500_000_000  # a person who was missed is found after this
MAX_HOLD_ALONE_NS = 1_000_000_000  # the same while a lone person is followed
REPUBLISH_NS = 100_000_000  # as often as a Mask R-CNN would: selecting a person by hand waits for the next result
# a person must have been alone for so long: longer than compose waits for somebody who may come out from behind another
# person (compose/who/neighbours.py)
ALONE_NS = 4_000_000_000
RESERVE_NS = 100_000_000  # age of a frame when a worker gets it, plus the time until compose has the result, at most


class Need(StrEnum):
    """Why a frame needs an inference. SAME and OWN do not need one. The values are labels of the metric `inferences`."""

    SAME = "nothing has moved"  # the last result is valid for this frame too
    OWN = "only the one person has moved"  # the last result is not, but compose follows that person
    FIRST = "first of an epoch or size"
    AGE = "age"
    OTHERS = "not one person alone"
    MOTION = "motion"
    ASKED = "compose cannot tell"


class Thumbnail(NamedTuple):
    """A frame reduced to what is compared.

    cells: (90, 160, 3) uint8, see reduce_to_cells.
    stream: Epoch and shape. Frames that differ in one of them are never compared.
    frame_id, captured_ns: Of the frame.
    """

    cells: BgrImage
    stream: tuple[int, tuple[int, ...]]
    frame_id: int
    captured_ns: int


def make_thumbnail(picture: BgrImage, epoch: int, frame_id: int, captured_ns: int) -> Thumbnail:
    """Return the thumbnail of a frame, (H, W, 3) uint8 BGR."""
    return Thumbnail(reduce_to_cells(picture), (epoch, picture.shape), frame_id, captured_ns)


class StaticSceneCache:
    """Cache the result of the last inference while it is valid.

    The age of a mask is always that of the frame that was inferred, however often its result is published.
    """

    def __init__(self) -> None:
        self._inferred: Thumbnail | None = None  # frame of the last inference
        self._last: Thumbnail | None = None  # last frame that this worker got
        self._took_ns = 0
        self._free_ns = 0  # when the worker could take another frame
        self._published_ns = 0
        self._own: Mask | None = None  # where motion is the lone person's own; None: no person is alone
        self._crowded_ns = 0  # capture time of the last frame in which anybody but one person may have been in view
        self.instances: tuple[Instance, ...] = ()

    def need(self, now: Thumbnail, schedule: InferenceScheduled) -> Need:
        """Return whether a frame needs an inference, early enough for the age limit in compose's `schedule`."""
        period_ns = self._period_ns(now)
        wait_ns = max(period_ns, now.captured_ns - self._free_ns) if period_ns else 0
        self._last, self._free_ns = now, now.captured_ns
        last = self._inferred
        if last is None or last.stream != now.stream or now.captured_ns < last.captured_ns:
            return Need.FIRST
        # a newer result of another worker keeps the mask young as well
        looked_ns = max(last.captured_ns, min(schedule.looked_ns, now.captured_ns))
        own = self._own if self.follows(schedule) else None
        hold_ns = MAX_HOLD_NS if own is None else MAX_HOLD_ALONE_NS
        held_ns = now.captured_ns - looked_ns
        is_slow = period_ns > SLOW_NS
        if is_slow or held_ns > max_hold_ns(hold_ns, 1_000_000 * schedule.limit_ms, wait_ns, self._took_ns):
            return Need.AGE
        if looked_ns < schedule.since_ns <= now.captured_ns:
            return Need.ASKED
        changed = changed_cells(last.cells, now.cells)
        if not changed.any():
            return Need.SAME
        if own is None:
            return Need.OTHERS
        return Need.MOTION if has_large_change(changed & ~own) else Need.OWN

    def follows(self, schedule: InferenceScheduled) -> bool:
        """Return True while one person has been alone in view for long and compose follows that person.

        Where compose is in doubt, its limit is shorter: results are then needed as often as possible, and not just before it.
        """
        return self._own is not None and 1_000_000 * schedule.limit_ms > MAX_HOLD_ALONE_NS

    def store(self, now: Thumbnail, instances: tuple[Instance, ...], took_ns: int) -> None:
        """Store the result of an inference that took `took_ns`."""
        person, has_sign = lone_person(instances), any(i.is_sign for i in instances)
        had_sign = any(i.is_sign for i in self.instances)  # a sign in only one result may be nobody
        is_first = self._inferred is None or self._inferred.stream != now.stream
        if is_first or person is None or (has_sign and had_sign):
            self._crowded_ns = now.captured_ns
        is_alone = not has_sign and now.captured_ns - self._crowded_ns >= ALONE_NS
        self._own = own_cells(person, CELLS_WH) if person is not None and is_alone else None
        self._inferred, self._published_ns, self.instances = now, now.captured_ns, instances
        self._took_ns, self._free_ns = took_ns, now.captured_ns + took_ns

    def confirms(self, now: Thumbnail, found: tuple[Instance, ...]) -> bool:
        """Return True if `found` shows that the person who has been alone in view still is.

        Nothing may have moved but where that person was and is.
        """
        person = lone_person(found)
        if self._own is None or self._inferred is None or person is None or any(i.is_sign for i in found):
            return False
        own = self._own | own_cells(person, CELLS_WH)
        return not has_large_change(changed_cells(self._inferred.cells, now.cells) & ~own)

    def held_ns(self, captured_ns: int) -> int:
        """Return the time from the capture of the inferred frame to `captured_ns`."""
        return 0 if self._inferred is None else captured_ns - self._inferred.captured_ns

    def _period_ns(self, now: Thumbnail) -> int:
        """Return the period of the camera since the last frame of this worker, 0 if it is unknown."""
        last = self._last
        if last is None or last.stream != now.stream or last.frame_id >= now.frame_id:
            return 0
        return (now.captured_ns - last.captured_ns) // (now.frame_id - last.frame_id)

    def should_republish(self, captured_ns: int, schedule: InferenceScheduled) -> bool:
        """Return True if the result should be published again for a frame, and count it as published.

        False while compose has a newer result of another worker.
        """
        is_newest = self._inferred is not None and self._inferred.captured_ns >= schedule.looked_ns
        if not is_newest or captured_ns - self._published_ns < REPUBLISH_NS:
            return False
        self._published_ns = captured_ns
        return True


def changed_cells(before: BgrImage, now: BgrImage) -> Mask:
    """Return (h, w) bool, the cells of two pictures of cells (h, w, 3) uint8 that differ in any colour."""
    return np.asarray(cv2.inRange(cv2.absdiff(before, now), (0,) * 3, (CHANGE_THRESHOLD,) * 3) == 0)


def has_large_change(changed: Mask) -> bool:
    """Return True if changed cells, (h, w) bool, contain a block that is large enough for a person coming in.

    Noise of a compressed picture changes one or two neighbouring cells.
    """
    block = np.ones((MIN_CHANGE_CELLS, MIN_CHANGE_CELLS), np.uint8)
    return bool(cv2.erode(changed.astype(np.uint8), block, borderValue=1).any())


def max_hold_ns(hold_ns: int, limit_ns: int, wait_ns: int, took_ns: int) -> int:
    """Return for how long a result may be held so that the next one comes before its mask is too old.

    Args:
        hold_ns: Upper bound, whatever the other values are.
        limit_ns: Age from which a mask shows nobody.
        wait_ns: Time until the next frame comes.
        took_ns: Duration of the last inference. The next one may take half as long again.
    """
    return min(hold_ns, limit_ns - wait_ns - took_ns * 3 // 2 - RESERVE_NS)


def reduce_to_cells(picture: BgrImage) -> BgrImage:
    """Return (90, 160, 3) uint8, the mean of each cell of a picture (H, W, 3) uint8."""
    level = ImagePyramid(picture).smallest_at_least(*CELLS_WH)
    return np.asarray(cv2.resize(level, CELLS_WH, interpolation=cv2.INTER_AREA), np.uint8)
