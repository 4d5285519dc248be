"""Know which parts of the room are empty in the present frame, so that they may be shown. Pure.

A cell of the grid may be shown only if
- results have said for `EMPTY_NS` that nobody is there, in two looks at least, and the cell looked the same in all of them, and
- the matte, which is shown one strip of the picture after the other, finds nobody there either: detectors miss whom the side of the
  picture cuts in half (it is wrong on floors and books, so what it finds does not count where it is calm, see compose/who/calm.py), and
- it looks now as it did then, and it has in every frame since the last look.

Everything else is hidden: whoever a result found, with a margin; whoever came since, in the first frame, because what they cover has
changed; what has changed for any other reason, until looks say what it is. A person who was found, and whom later looks miss, stays
hidden while the picture says that they have not moved.

The subject is an exception, since they are shown: what they cover and uncover needs no look. Behind them the room is remembered, and
shown again where it looks as it did.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, FloatMap, SoftMask
from compose.who.calm import Calm
from compose.who.change import changed, smoothed
from compose.who.light import gain_between, in_light
from compose.who.region_state import dilated

EMPTY_NS = 500_000_000  # looks must have found a cell empty for so long; at one look a second that is two looks
STILL_NS = 10_000_000_000  # somebody who was missed, and does not move, stays hidden for so long
LEFT = 0.5  # share of what somebody covered that must have changed if they are gone
NEAR_SUBJECT = 3  # grid pixels: what has changed so near to the subject is the subject, or a shadow
GAPS = 8  # grid pixels, 1/18 of the height: what lies between two changes, up to twice as far from each other, has changed as well
MARGIN = 4  # grid pixels that are hidden around a change, 1/36 of the height
# the matte is shown strips of a quarter of the width, of which each overlaps the next by half: of the whole picture it finds one person,
# and nobody beside them
STRIPS, STRIP_SHARE = 7, 4
SOMEBODY = 0.8  # a pixel to which the matte gives this probability is somebody; beside the subject it is unsure in narrow strips
SPECK = 7  # grid pixels, 1/21 of the height: what is narrower is nobody, but a book or a lamp
BEYOND_SUBJECT = 6  # grid pixels: what the matte finds nearer to the subject is the subject
KEPT = 96  # frames since the last look, at most
# of a result's person: grid pixels, and share of the square root of the area, by which a map may be too small
FOUND_MARGIN, FOUND_SHARE = 3, 0.06


class Since(NamedTuple):
    """A frame since the last look, smoothed, and 255 at the subject and near it, as far as that is known."""

    picture: BgrImage
    near_subject: SoftMask


class Found(NamedTuple):
    """Where a result found people; all (h, w) uint8 on the grid.

    subject: 255 where the subject may be.
    others: 255 where anybody else is, or a sign of somebody.
    around: 255 there and within a margin.
    """

    subject: SoftMask
    others: SoftMask
    around: SoftMask


class _Memory(NamedTuple):
    """What is known of each cell of the grid.

    picture: (h, w, 3) uint8, what it looked like in the last look that saw it, in the light of the last look of all.
    empty_ns: (h, w) int64, since when looks have found it empty; 0 if they have not.
    others: (h, w) uint8, 255 where somebody else is, as far as is known.
    around: 255 there and within a margin.
    found_ns: (h, w) int64, when somebody else was found last.
    calm: Where the matte may be wrong.
    """

    picture: BgrImage
    empty_ns: NDArray[np.int64]
    others: SoftMask
    around: SoftMask
    found_ns: NDArray[np.int64]
    calm: Calm

    @property
    def known(self) -> SoftMask:
        """255 where a look has found nobody."""
        return np.where((self.empty_ns > 0) | (self.calm.since_ns > 0), 255, 0).astype(np.uint8)


def strip_of(number: int, width: int) -> tuple[int, int]:
    """Return the half-open columns of the strip that the matte is shown of frame `number`, of a picture of any width."""
    wide = width // STRIP_SHARE
    left = (number % STRIPS) * (width - wide) // (STRIPS - 1)
    return left, left + wide


def with_margin(person: SoftMask) -> SoftMask:
    """Return the area of a person whom a result found, (h, w) uint8, with what its small map may lack."""
    return dilated(person, FOUND_MARGIN + round(FOUND_SHARE * float(np.count_nonzero(person)) ** 0.5))


class KnownRoom:
    """What is known of the room. In each turn `push` takes the newest frame and `learn` every result; `empty` says what may be shown."""

    def __init__(self) -> None:
        self._since: OrderedDict[int, Since] = OrderedDict()  # by frame_id, from that of the last look on
        self._memory: _Memory | None = None
        self._look_ns = 0  # capture time of the frame of the last look
        self._doubt: SoftMask | None = None  # 255 where something has changed since that look
        self._noted_id = -1  # the frame up to which it has
        # by first column: capture time, and 255 where the matte finds somebody
        self._strips: dict[int, tuple[int, SoftMask]] = {}

    def push(self, frame_id: int, small: BgrImage, subject: SoftMask | None) -> None:
        """Take the newest frame on the grid, (h, w, 3) uint8 BGR, and the subject's area in the frame before."""
        if self._doubt is not None and self._since and (last_id := next(reversed(self._since))) > self._noted_id:
            # nothing of it was shown, as while privacy is off, so nobody has asked for it
            self._note(last_id, self._changed(self._since[last_id]))
        near = np.zeros(small.shape[:2], np.uint8) if subject is None else dilated(subject, NEAR_SUBJECT)
        self._since[frame_id] = Since(smoothed(small), near)
        if len(self._since) > KEPT:
            self._since.popitem(last=False)

    def check(self, number: int, likely: FloatMap, subject: SoftMask | None, captured_ns: int) -> None:
        """Take what the matte finds in one strip of the newest frame.

        Args:
            number: Says which strip it is, as in `strip_of`.
            likely: (h', w') float32, 0..1, the matte's probability in it, at any size.
            subject: (h, w) uint8, the subject's area in the frame before; None: unknown.
            captured_ns: When the frame was captured.
        """
        height, width = next(reversed(self._since.values())).near_subject.shape
        left, right = strip_of(number, width)
        whole = cv2.resize(likely, (right - left, height), interpolation=cv2.INTER_LINEAR)
        found = np.where(whole > SOMEBODY, 255, 0).astype(np.uint8)
        if subject is not None:
            found[dilated(subject, BEYOND_SUBJECT)[:, left:right] > 0] = 0
        found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((SPECK, SPECK), np.uint8)), np.uint8)
        self._strips[left] = captured_ns, found

    def _somebody(self, moved: SoftMask) -> SoftMask:
        """Return 255 where the matte finds somebody who is not the subject, and may be right, (h, w) uint8; `moved` is not 0 where
        something has moved since the last look."""
        found = np.zeros_like(moved)
        for left, (_, strip) in self._strips.items():
            part = found[:, left : left + strip.shape[1]]
            np.maximum(part, strip, out=part)
        return found if self._memory is None else self._memory.calm.doubted(found, moved, self._look_ns)

    def learn(self, frame_id: int, captured_ns: int, found: Found, *, is_proof: bool) -> None:
        """Take a result. Where compose skipped its frame, nobody knows what the result is of, and nothing is learned.

        Args:
            frame_id: The result's frame.
            captured_ns: When that was captured.
            found: Where it found people.
            is_proof: It proves that the rest of the room is empty. One that missed the subject may have missed others.
        """
        look = self._since.get(frame_id)
        if look is None:
            return
        while next(iter(self._since)) != frame_id:
            self._since.popitem(last=False)
        moved = np.zeros_like(found.others) if self._doubt is None else dilated(closed(self._doubt), MARGIN)
        memory = self._memory
        if memory is None or memory.picture.shape != look.picture.shape:
            nothing, never = np.zeros_like(found.others), np.zeros(found.others.shape, np.int64)
            memory = _Memory(look.picture, never, nothing, nothing, never, Calm(look.picture, never))
        by_look = found.around > 0
        somebody = cv2.bitwise_and(dilated(self._somebody(moved), MARGIN), cv2.bitwise_not(found.subject))
        found = found._replace(around=np.asarray(cv2.max(found.around, somebody), np.uint8))
        seen = np.asarray(cv2.max(memory.known, memory.around), np.uint8)
        differs = changed(memory.picture, look.picture, seen) > 0
        before = in_light(memory.picture, gain_between(memory.picture, look.picture, seen))
        still = _still(memory, differs, found.around > 0, captured_ns)
        taken = still | (found.around > 0)
        covered = found.subject > 0
        empty = ~taken & ~covered & is_proof
        calm = memory.calm.after(
            look.picture,
            captured_ns,
            vacant=~(still | by_look | covered) & is_proof,
            covered=covered,
            disturbed=still | by_look | (moved > 0),
        )
        lasts = (memory.empty_ns > 0) & ~differs
        self._memory = _Memory(
            picture=np.where((empty | (found.around > 0))[..., None], look.picture, before),
            empty_ns=np.where(taken, 0, np.where(empty & ~lasts, captured_ns, memory.empty_ns)),
            others=np.where(still, memory.others, found.others),
            around=np.where(taken, 255, 0).astype(np.uint8),
            found_ns=np.where(found.around > 0, captured_ns, memory.found_ns),
            calm=calm,
        )
        self._look_ns = captured_ns
        self._doubt, self._noted_id = np.zeros_like(found.others), frame_id
        for number, frame in list(self._since.items())[1:]:
            self._note(number, self._changed(frame))

    def empty(self, subject: SoftMask, others: SoftMask) -> SoftMask:
        """Return 255 where the newest frame shows the empty room, (h, w) uint8; call it once a frame.

        Args:
            subject: (h, w) uint8, more than 127 where the subject is in that frame.
            others: More than 127 where anybody else may be.
        """
        if self._memory is None or self._doubt is None or not self._since or len(self._strips) < STRIPS:
            return np.zeros(subject.shape, np.uint8)
        frame_id, newest = self._since.popitem()
        newest = self._since[frame_id] = newest._replace(near_subject=dilated(subject, NEAR_SUBJECT))
        change = self._changed(newest)
        self._note(frame_id, change)
        moved = closed(self._doubt)
        somebody = cv2.max(np.asarray(others, np.uint8), self._somebody(dilated(moved, MARGIN)))
        hidden = np.asarray(cv2.max(dilated(cv2.max(moved, somebody), MARGIN), change), np.uint8)
        checked_ns = min(captured_ns for captured_ns, _ in self._strips.values())
        empty_ns = self._memory.empty_ns
        lasts = (empty_ns > 0) & (self._look_ns - empty_ns >= EMPTY_NS) & (checked_ns >= empty_ns)
        return np.where(lasts & (hidden == 0), 255, 0).astype(np.uint8)

    def _changed(self, frame: Since) -> SoftMask:
        assert self._memory is not None
        return changed(self._memory.picture, frame.picture, self._memory.known)

    def _note(self, frame_id: int, change: SoftMask) -> None:
        """Remember until the next look what has changed in a frame since the last one, and is not the subject."""
        assert self._doubt is not None
        far = cv2.bitwise_and(change, cv2.bitwise_not(self._since[frame_id].near_subject))
        self._doubt, self._noted_id = np.asarray(cv2.max(self._doubt, far), np.uint8), frame_id


def _still(memory: _Memory, differs: NDArray[np.bool_], found: NDArray[np.bool_], now_ns: int) -> NDArray[np.bool_]:
    """Return where somebody still is whom the last result did not find: what they cover looks as it did with them.

    Args:
        memory: Before that result.
        differs: (h, w), what has changed since.
        found: Where the result found somebody.
        now_ns: Capture time of its frame.
    """
    left = (memory.around > 0) & ~found
    count, labels = cv2.connectedComponents(left.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    body = (memory.others > 0) & left
    cells = np.bincount(labels[body], minlength=count)
    moved = np.bincount(labels[body & differs], minlength=count)
    recent = np.bincount(labels[left & (now_ns - memory.found_ns < STILL_NS)], minlength=count)
    stays = (cells > 0) & (moved < LEFT * cells) & (recent > 0)
    stays[0] = False
    return np.asarray(stays[labels], np.bool_)


def closed(area: SoftMask) -> SoftMask:
    """Return an area (h, w) uint8 with the gaps in it, and between it and the sides of the picture: somebody in clothes like the
    wall is hidden whole."""
    size = 2 * GAPS + 1
    wide = cv2.copyMakeBorder(area, size, size, size, size, cv2.BORDER_CONSTANT, value=255)
    found = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return np.asarray(found[size:-size, size:-size], np.uint8)
