"""Propagate the areas of the subject and of others from one frame to the next. Pure.

A foreground pixel of the matte is assigned to the nearest area of the previous frame within `max_travel`; ties are assigned
to nobody. While somebody else is near, or was near so recently that they may stand behind the subject, or the subject is so new that
nobody knows, the area is frozen: it moves but does not grow, because whoever appears from behind a calm subject is somebody else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import SoftMask
from compose.who.flow import Flow, warp

MIN_TRAVEL = 2.0  # grid pixels a frame: motion of a still person, and rounding to the grid
MAX_TRAVEL = 0.18  # of the square root of the subject's area, a frame: somebody who moves fast
ACCELERATION = 1.6  # the subject may move so many times as far in the next frame as in this one
STRANGER_DISTANCE = 10.0  # grid pixels: foreground farther from the subject is somebody whom no result has found yet
NEAR = 5.0  # grid pixels: people who are closer may be confused, and may go behind one another
OCCLUSION_NS = 1_500_000_000  # the area does not grow for so long after somebody was near
FADE_NS = 700_000_000  # the subject's recent area is forgotten after so long
FROZEN_TRAVEL = 0.5  # grid pixels a frame of a frozen area, besides the subject's own motion
CALM = 1.0  # grid pixels a frame: a subject that moves more within itself is not frozen, or it would lose its limbs
MAX_OCCLUDING_SPREAD = 6.0  # grid pixels: so much of that motion counts while the subject may hide somebody
PERSON, MAYBE = 128, 64  # of 255: the matte's values for a person, and for what may be one

GridBox = tuple[int, int, int, int]


class RegionState(NamedTuple):
    """The areas in one frame. Maps are (h, w) uint8 on the grid.

    captured_ns: When it was captured, on a clock that goes on: backwards through a recording it is negative.
    subject: 255 where the subject is.
    confirmed: More than 127 where the area of the last result has moved to since. It does not grow while it is frozen.
    recent: More than 127 where the confirmed area was within the last 0.7 s, and nobody else since. It moves and fades.
    others: More than 127 where somebody else is.
    certain: More than 127 where the last result was certain of the subject, as far as the flow could be followed.
    unassigned: 255 where the matte finds a person that is not the subject while the area is frozen.
    max_travel: Grid pixels that the subject may move until the next frame.
    occlusion_ns: How long somebody else may still appear from behind the subject.
    frozen: The area did not grow.
    motion_spread: Grid pixels that the subject moved within itself.
    occluding: According to the last result the subject may hide somebody who was beside it.
    is_new: Results have found the subject for a short time only, so it may hide somebody whom no result has found.
    """

    frame_id: int
    captured_ns: int
    subject: SoftMask
    confirmed: SoftMask
    recent: SoftMask
    others: SoftMask
    certain: SoftMask
    unassigned: SoftMask
    max_travel: float
    occlusion_ns: int = 0
    frozen: bool = False
    motion_spread: float = 0.0
    occluding: bool = False
    is_new: bool = False

    @property
    def may_hide(self) -> bool:
        """Whether somebody may come out from behind the subject."""
        return self.occlusion_ns > 0 or self.occluding or self.is_new


class Observation(NamedTuple):
    """What is known of one frame by itself.

    likely: (h, w) uint8, the matte's probability; 0 outside `box`.
    box: The part of the grid that the matte was run on; empty if it was not run.
    flow: Motion since the frame `since`; None if it is unknown.
    """

    frame_id: int
    captured_ns: int
    likely: SoftMask
    box: GridBox
    flow: Flow | None
    since: int


class WarpedMaps(NamedTuple):
    """Maps of a RegionState, moved on by the flow."""

    confirmed: SoftMask
    recent: SoftMask
    others: SoftMask
    certain: SoftMask


class MotionLimits(NamedTuple):
    """Grid pixels that the subject, and any person, may move in one step; for the rest see RegionState."""

    subject: float
    any_person: float
    occlusion_ns: int
    frozen: bool
    motion_spread: float


class Moved(NamedTuple):
    """What one frame says of the areas in the frame before it, whatever the matte finds.

    warped: The maps, moved on by the flow.
    to_confirmed, to_others: (h, w) float32, grid pixels from each pixel to these maps.
    limits: How far people may have moved.
    """

    warped: WarpedMaps
    to_confirmed: NDArray[np.float32]
    to_others: NDArray[np.float32]
    limits: MotionLimits


def move(last: RegionState, observed: Observation) -> Moved:
    """Move the areas in an earlier frame on to a frame; most of the time of a step is spent here."""
    warped = _warped(last, observed)
    to_confirmed, to_others = _distance(warped.confirmed), _distance(warped.others)
    limits = _motion_limits(last, observed, warped.confirmed, to_confirmed, to_others)
    return Moved(warped, to_confirmed, to_others, limits)


def advance(last: RegionState, observed: Observation, moved: Moved) -> RegionState:
    """Return the areas in a frame, from those in an earlier frame, moved on to this one, and the frame's own observation."""
    warped, to_confirmed, to_others, limits = moved
    frames, elapsed_ns = observed.frame_id - last.frame_id, observed.captured_ns - last.captured_ns
    if not _has_matte(observed):
        subject, nobody = _threshold(warped.confirmed, 127), np.zeros_like(warped.confirmed)
        recent = np.asarray(cv2.max(subject, faded(warped.recent, elapsed_ns, warped.others)), np.uint8)
        farther = min(last.max_travel + MIN_TRAVEL, limits.any_person)
        return RegionState(
            frame_id=observed.frame_id, captured_ns=observed.captured_ns, subject=subject, confirmed=warped.confirmed, recent=recent, others=warped.others,
            certain=warped.certain, unassigned=nobody, max_travel=farther, occlusion_ns=limits.occlusion_ns,
            frozen=limits.frozen, motion_spread=limits.motion_spread, occluding=last.occluding,
            is_new=last.is_new,
        )  # fmt: skip

    person = _threshold(observed.likely, PERSON - 1)
    inner = cv2.bitwise_and(_threshold(warped.certain, 127), cv2.compare(to_others, 0, cv2.CMP_GT))
    near = cv2.bitwise_and(
        cv2.compare(to_confirmed, limits.subject, cv2.CMP_LE), cv2.compare(to_confirmed, to_others, cv2.CMP_LT)
    )
    mine = np.asarray(cv2.bitwise_or(cv2.bitwise_and(person, near), inner), np.uint8)
    others = _others(
        observed, warped, mine, cv2.compare(to_others, limits.any_person, cv2.CMP_LE),
        cv2.compare(to_confirmed, max(limits.subject, STRANGER_DISTANCE), cv2.CMP_GT),
        stay=limits.motion_spread < CALM,
    )  # fmt: skip
    confirmed = mine
    if limits.frozen:
        confirmed = masked(warped.confirmed, cv2.bitwise_or(_threshold(observed.likely, MAYBE - 1), inner))
    travelled = _farthest(to_confirmed, mine) / max(1, frames)
    recent = np.asarray(cv2.max(_threshold(confirmed, 127), faded(warped.recent, elapsed_ns, others)), np.uint8)
    return RegionState(
        frame_id=observed.frame_id,
        captured_ns=observed.captured_ns,
        subject=mine,
        confirmed=confirmed,
        recent=recent,
        others=others,
        certain=masked(warped.certain, inner),
        unassigned=_unassigned(person, mine) if limits.frozen else np.zeros_like(mine),
        max_travel=min(ACCELERATION * travelled + MIN_TRAVEL, limits.any_person),
        occlusion_ns=limits.occlusion_ns,
        frozen=limits.frozen,
        motion_spread=limits.motion_spread,
        occluding=last.occluding,
        is_new=last.is_new,
    )


def _motion_limits(
    last: RegionState,
    observed: Observation,
    confirmed: SoftMask,
    to_confirmed: NDArray[np.float32],
    to_others: NDArray[np.float32],
) -> MotionLimits:
    frames = max(1, observed.frame_id - last.frame_id)
    any_person = max(MIN_TRAVEL, MAX_TRAVEL * math.sqrt(cv2.countNonZero(last.subject)))
    half_gap = cv2.minMaxLoc(cv2.max(to_confirmed, to_others))[0]  # half the shortest way from the subject to others
    left_ns = max(0, last.occlusion_ns - max(0, observed.captured_ns - last.captured_ns))
    occlusion_ns = OCCLUSION_NS if half_gap <= NEAR else left_ns
    spread = observed.flow.motion_spread(confirmed) if observed.flow is not None else 0.0
    frozen = last._replace(occlusion_ns=occlusion_ns).may_hide and (spread < CALM or last.occluding)
    within = min(spread, MAX_OCCLUDING_SPREAD) if last.occluding else spread
    subject = min(FROZEN_TRAVEL + within if frozen else last.max_travel * frames, any_person)
    return MotionLimits(subject, any_person, occlusion_ns, frozen, spread)


def _others(
    observed: Observation,
    warped: WarpedMaps,
    mine: SoftMask,
    near: cv2.typing.MatLike,
    far: cv2.typing.MatLike,
    *,
    stay: bool,
) -> SoftMask:
    """Return the area of other people: foreground `near` their previous area, and disconnected foreground `far` from the
    subject.

    The confirmed area of the subject is excluded, except where both areas overlap. Outside the matte's box the warped previous
    area is kept, and inside as well if others `stay`: the matte misses a person whom its box cuts in two, and the subject would reach
    that person first. Beside a subject who moves within itself they do not stay, or it would lose its limbs.
    """
    person, confirmed = _threshold(observed.likely, PERSON - 1), _threshold(warped.confirmed, 127)
    theirs = cv2.bitwise_or(cv2.bitwise_and(person, near), _disconnected(person, mine, far))
    free = cv2.bitwise_and(theirs, cv2.bitwise_not(cv2.bitwise_or(mine, confirmed)))
    both = cv2.bitwise_and(_threshold(warped.others, 127), confirmed)
    x0, y0, x1, y1 = observed.box
    others = warped.others.copy()
    if stay:
        both = cv2.bitwise_or(both, cv2.bitwise_and(_threshold(warped.others, 127), cv2.bitwise_not(mine)))
    others[y0:y1, x0:x1] = cv2.bitwise_or(free, both)[y0:y1, x0:x1]
    return others


def faded(recent: SoftMask, elapsed_ns: int, others: SoftMask) -> SoftMask:
    """Return the recent area `elapsed_ns` later, without the places where others are now."""
    by = min(255, round(255 * elapsed_ns / FADE_NS))
    return masked(np.asarray(cv2.subtract(recent, by), np.uint8), cv2.bitwise_not(dilated(others, 1)))


def _unassigned(person: SoftMask, mine: SoftMask) -> SoftMask:
    """Return the foreground that is not the subject, without specks."""
    rest = masked(person, cv2.bitwise_not(mine))
    return np.asarray(cv2.morphologyEx(rest, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)


def _disconnected(person: SoftMask, mine: SoftMask, far: cv2.typing.MatLike) -> SoftMask:
    """Return the foreground that is `far` and not connected to the subject: a stranger, but not the subject's arm."""
    if not cv2.countNonZero(cv2.bitwise_and(person, far)):
        return np.zeros_like(person)
    count, labels = cv2.connectedComponents(person, connectivity=4, ltype=cv2.CV_16U)
    excluded = np.zeros(count, np.bool_)
    excluded[0] = True
    excluded[np.unique(labels[mine > 0])] = True
    found = np.where(excluded[labels], 0, far).astype(np.uint8)
    return np.asarray(cv2.erode(found, np.ones((3, 3), np.uint8)), np.uint8)  # removes specks of the matte


def dilated(area: SoftMask, by: int) -> SoftMask:
    """Return 255 within `by` pixels of an area (inside: more than 127), 0 elsewhere."""
    return np.asarray(cv2.dilate(_threshold(area, 127), np.ones((2 * by + 1,) * 2, np.uint8)), np.uint8)


def _threshold(area: SoftMask, value: int) -> SoftMask:
    """Return 255 where an area is more than `value`, 0 elsewhere."""
    return np.asarray(cv2.threshold(area, value, 255, cv2.THRESH_BINARY)[1], np.uint8)


def either(one: SoftMask, other: SoftMask) -> SoftMask:
    """Return the maximum of two areas at each pixel."""
    return np.asarray(cv2.max(one, other), np.uint8)


def masked(area: SoftMask, mask: cv2.typing.MatLike) -> SoftMask:
    """Return an area where `mask` is 255, 0 elsewhere."""
    return np.asarray(cv2.bitwise_and(area, mask), np.uint8)


def _farthest(distance: NDArray[np.float32], area: SoftMask) -> float:
    """Return the 99th percentile of a distance inside an area, of every other row and column; 0 if it is empty."""
    found = distance[::2, ::2][area[::2, ::2] > 0]
    rank = len(found) * 99 // 100
    return float(np.partition(found, rank)[rank]) if len(found) else 0.0


def _has_matte(observed: Observation) -> bool:
    """Return whether the matte was run on a frame."""
    return observed.box[2] > observed.box[0] and observed.box[3] > observed.box[1]


def _warped(last: RegionState, observed: Observation) -> WarpedMaps:
    if observed.frame_id == last.frame_id:
        return WarpedMaps(last.confirmed, last.recent, last.others, last.certain)
    flow = observed.flow
    if flow is None or observed.since != last.frame_id:  # only distances are left, and nothing is certain
        return WarpedMaps(last.confirmed, last.recent, last.others, np.zeros_like(last.certain))
    confirmed, recent, certain = warp(flow, last.confirmed, last.recent, last.certain)
    (others,) = warp(flow, last.others)
    contested = cv2.bitwise_and(_threshold(confirmed, 127), _threshold(others, 127))
    if contested.any():  # the person whose motion explains these pixels better stands in front
        x, y, w, h = cv2.boundingRect(contested)
        box, part = (x, y, x + w, y + h), np.s_[y : y + h, x : x + w]
        mine, theirs = (flow.residual(flow.shift(area), box) for area in (last.confirmed, last.others))
        in_front = cv2.bitwise_and(contested[part], cv2.compare(mine, theirs, cv2.CMP_LT))
        others[part] = masked(others[part], cv2.bitwise_not(in_front))
    return WarpedMaps(confirmed, recent, others, masked(certain, flow.plausible))


def _distance(area: SoftMask) -> NDArray[np.float32]:
    """Return the distance of every pixel to an area (inside: more than 127), grid pixels; 1e6 if it is empty."""
    outside = cv2.threshold(area, 127, 255, cv2.THRESH_BINARY_INV)[1]
    if cv2.countNonZero(outside) == area.size:
        return np.full(area.shape, 1e6, np.float32)
    found: NDArray[np.float32] = cv2.distanceTransform(outside, cv2.DIST_L2, 3)
    return found
