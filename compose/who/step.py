"""One step of rolling the subject's area forward: from a frame's areas to those of the next frame. Pure.

A pixel that the matte calls a person belongs to whoever was nearer a frame ago, if that was near enough, and a tie to
nobody. While somebody else is near, or was so lately that they may stand behind the subject, there is *doubt*: the area
then only moves and does not grow, because what comes out from behind a calm subject is somebody else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from compose.who.flow import Flow, carried

LEAST_REACH = 2.0  # grid pixels a frame: what a still person moves, and what the grid rounds
MOST_REACH = 0.18  # of the square root of the subject's area: a fast mover (docs/how-it-works.md, "Where the edge is")
FASTER = 1.6  # a mover may be faster in the next frame than in this one
STRANGE = 10.0  # grid pixels: a person of the matte that is farther away is somebody whom no result has found yet
NEAR = 5.0  # grid pixels: closer ones may be told apart wrongly, and may go behind one another
DOUBT_FRAMES = 45  # so long after somebody was near the area does not grow: 1.5 s at 30 a second
FADES = 12  # of 255 a frame: after 0.7 s at 30 a second the subject is not said to have been there lately
DOUBTED_REACH = 0.5  # grid pixels, besides what the subject moves within itself
CALM = 1.0  # grid pixels a frame that a subject moves within itself: a faster one would be eaten if it could not grow
MOST_BEHIND = 6.0  # grid pixels of that which count while somebody may be hidden behind the subject
PERSON, MAYBE = 128, 64  # of 255: from here the matte calls it a person, and may be calling it one

Map = NDArray[np.uint8]
GridBox = tuple[int, int, int, int]


class Step(NamedTuple):
    """One frame on the grid; maps are (h, w) uint8.

    subject: 255 where the subject is.
    core: More than 127 where the last result's subject has moved to since; it has not grown while there was doubt.
    lately: More than 127 where the core was within the last 0.7 s and nobody else since. It moves along and fades.
    others: More than 127 where somebody else is.
    solid: More than 127 where the last result was sure of the subject, as far as the flow could follow.
    strays: 255 where the matte sees a person that is not the subject, while the area must not grow.
    reach: Grid pixels that the subject may go until the next frame.
    doubt: For so many frames somebody else may yet come out from behind the subject.
    strict: The area did not grow.
    spread: Grid pixels that the subject moved within itself.
    behind: The last result let nobody know where somebody is who was beside the subject.
    """

    frame_id: int
    subject: Map
    core: Map
    lately: Map
    others: Map
    solid: Map
    strays: Map
    reach: float
    doubt: int = 0
    strict: bool = False
    spread: float = 0.0
    behind: bool = False


class Seen(NamedTuple):
    """One frame: what the matte said of it, (h, w) uint8, and where it looked; how the picture moved since another."""

    frame_id: int
    likely: Map
    box: GridBox
    flow: Flow | None
    since: int


def advance(last: Step, seen: Seen) -> Step:
    """The areas of a frame, from those of an earlier one and its own matte."""
    moved = _moved(last, seen)
    to_core, to_others = _distance(moved.core), _distance(moved.others)
    room = _room(last, seen, moved.core, to_core, to_others)
    frames = seen.frame_id - last.frame_id
    if not _looked(seen):
        farther = min(last.reach + LEAST_REACH, room.most)
        subject, nobody = _more(moved.core, 127), np.zeros_like(moved.core)
        moved = moved._replace(lately=np.asarray(cv2.max(subject, faded(moved.lately, frames, moved.others)), np.uint8))
        return Step(seen.frame_id, subject, *moved, nobody, farther, room.doubt, room.strict, room.spread, last.behind)

    person = _more(seen.likely, PERSON - 1)
    inner = cv2.bitwise_and(_more(moved.solid, 127), cv2.compare(to_others, 0, cv2.CMP_GT))
    near = cv2.bitwise_and(cv2.compare(to_core, room.reach, cv2.CMP_LE), cv2.compare(to_core, to_others, cv2.CMP_LT))
    mine = np.asarray(cv2.bitwise_or(cv2.bitwise_and(person, near), inner), np.uint8)
    others = _others(seen, moved, mine, cv2.compare(to_others, room.most, cv2.CMP_LE),
                     cv2.compare(to_core, max(room.reach, STRANGE), cv2.CMP_GT))  # fmt: skip
    core = only(moved.core, cv2.bitwise_or(_more(seen.likely, MAYBE - 1), inner)) if room.strict else mine
    went = _farthest(to_core, mine) / max(1, frames)
    farther = min(FASTER * went + LEAST_REACH, room.most)
    lately = np.asarray(cv2.max(_more(core, 127), faded(moved.lately, frames, others)), np.uint8)
    strays = _strays(person, mine) if room.strict else np.zeros_like(mine)
    solid = only(moved.solid, inner)
    return Step(
        seen.frame_id,
        mine,
        core,
        lately,
        others,
        solid,
        strays,
        farther,
        room.doubt,
        room.strict,
        room.spread,
        last.behind,
    )


class _Room(NamedTuple):
    """How far the subject may go in one step, and any person at most, grid pixels; see Step for the rest."""

    reach: float
    most: float
    doubt: int
    strict: bool
    spread: float


def _room(last: Step, seen: Seen, core: Map, to_core: NDArray[np.float32], to_others: NDArray[np.float32]) -> _Room:
    frames = max(1, seen.frame_id - last.frame_id)
    most = max(LEAST_REACH, MOST_REACH * math.sqrt(cv2.countNonZero(last.subject)))
    apart = cv2.minMaxLoc(cv2.max(to_core, to_others))[0]  # half the least way from one to the other
    doubt = DOUBT_FRAMES if apart <= NEAR else max(0, last.doubt - frames)
    spread = seen.flow.spread(core) if seen.flow is not None else 0.0
    strict = doubt > 0 and (spread < CALM or last.behind)
    within = min(spread, MOST_BEHIND) if last.behind else spread
    return _Room(min(DOUBTED_REACH + within if strict else last.reach * frames, most), most, doubt, strict, spread)


def _others(seen: Seen, moved: _Moved, mine: Map, near: cv2.typing.MatLike, far: cv2.typing.MatLike) -> Map:
    """Where others are: persons `near` them before, and strangers, `far` from the subject and apart; never in its core,
    but for what both may have. Where the matte did not look they are where the flow took them."""
    person, core = _more(seen.likely, PERSON - 1), _more(moved.core, 127)
    strangers = _apart(person, mine, far)
    theirs = cv2.bitwise_or(cv2.bitwise_and(person, near), strangers)
    free = cv2.bitwise_and(theirs, cv2.bitwise_not(cv2.bitwise_or(mine, core)))
    x0, y0, x1, y1 = seen.box
    others = moved.others.copy()
    others[y0:y1, x0:x1] = cv2.bitwise_or(free, cv2.bitwise_and(_more(moved.others, 127), core))[y0:y1, x0:x1]
    return others


def faded(lately: Map, frames: int, others: Map) -> Map:
    """Step's `lately` so many frames later, without the places where others have been."""
    return only(
        np.asarray(cv2.subtract(lately, min(255, FADES * frames)), np.uint8), cv2.bitwise_not(widened(others, 1))
    )


def _strays(person: Map, mine: Map) -> Map:
    """What of the matte's persons is not the subject, less the specks."""
    left = only(person, cv2.bitwise_not(mine))
    return np.asarray(cv2.morphologyEx(left, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)


def _apart(person: Map, mine: Map, far: cv2.typing.MatLike) -> Map:
    """What of the matte's persons is `far` and hangs together with nothing of the subject: an arm does, a stranger not."""
    count, parts = cv2.connectedComponents(person, connectivity=4, ltype=cv2.CV_16U)
    nobody = np.zeros(count, np.bool_)
    nobody[0] = True
    nobody[np.unique(parts[mine > 0])] = True
    found = np.where(nobody[parts], 0, far).astype(np.uint8)
    return np.asarray(cv2.erode(found, np.ones((3, 3), np.uint8)), np.uint8)  # specks of the matte are nobody


def widened(area: Map, by: int) -> Map:
    """255 where an area (inside: more than 127) is, or is at most so many pixels away."""
    return np.asarray(cv2.dilate(_more(area, 127), np.ones((2 * by + 1,) * 2, np.uint8)), np.uint8)


def _more(area: Map, than: int) -> Map:
    """255 where an area is more than a number."""
    return np.asarray(cv2.threshold(area, than, 255, cv2.THRESH_BINARY)[1], np.uint8)


def only(area: Map, inside: cv2.typing.MatLike) -> Map:
    """An area where `inside` is 255, 0 elsewhere."""
    return np.asarray(cv2.bitwise_and(area, inside), np.uint8)


def _farthest(distance: NDArray[np.float32], area: Map) -> float:
    """The 99th percentile of a distance inside an area, of every other row and column; 0 where it is empty."""
    found = distance[::2, ::2][area[::2, ::2] > 0]
    rank = len(found) * 99 // 100
    return float(np.partition(found, rank)[rank]) if len(found) else 0.0


def _looked(seen: Seen) -> bool:
    """Whether the matte looked at a frame at all."""
    return seen.box[2] > seen.box[0] and seen.box[3] > seen.box[1]


class _Moved(NamedTuple):
    """A step's maps where the picture's motion has taken them."""

    core: Map
    lately: Map
    others: Map
    solid: Map


def _moved(last: Step, seen: Seen) -> _Moved:
    if seen.frame_id == last.frame_id:
        return _Moved(last.core, last.lately, last.others, last.solid)
    flow = seen.flow
    if flow is None or seen.since != last.frame_id:  # distances alone must do, and nothing is sure any more
        return _Moved(last.core, last.lately, last.others, np.zeros_like(last.solid))
    core, lately, solid = carried(flow, last.core, last.lately, last.solid)
    (others,) = carried(flow, last.others)
    contested = cv2.bitwise_and(_more(core, 127), _more(others, 127))
    if contested.any():  # whoever's motion explains the picture there better stands in front
        x, y, w, h = cv2.boundingRect(contested)
        box, part = (x, y, x + w, y + h), np.s_[y : y + h, x : x + w]
        unlike = [flow.unlike(flow.shift(area), box) for area in (last.core, last.others)]
        mine = cv2.bitwise_and(contested[part], cv2.compare(unlike[0], unlike[1], cv2.CMP_LT))
        others[part] = only(others[part], cv2.bitwise_not(mine))
    return _Moved(core, lately, others, only(solid, flow.plausible))


def _distance(area: Map) -> NDArray[np.float32]:
    """Distance of every pixel to an area (inside: more than 127) in grid pixels; far where it is empty."""
    outside = cv2.threshold(area, 127, 255, cv2.THRESH_BINARY_INV)[1]
    if cv2.countNonZero(outside) == area.size:
        return np.full(area.shape, 1e6, np.float32)
    found: NDArray[np.float32] = cv2.distanceTransform(outside, cv2.DIST_L2, 3)
    return found
