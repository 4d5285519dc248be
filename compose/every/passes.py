"""Propagate the subject's area through a recording in one direction, and merge what both directions say. Pure.

Forwards, the area is known from the looks before a frame; backwards, from those after it. Each direction stops growing where
somebody may be hidden behind the subject (compose/who/region_state.py), until results find everybody whole again. What a direction
does not show then, the other one often knows: it has seen both people apart more recently, on its side of the frame. Where a recording
begins or ends while somebody is half hidden, one direction has seen only a part of them, and takes more of them for the subject.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.every.grid_frame import GridFrame
from compose.every.looks import Look, Outcome
from compose.picture.matte_edge import MatteEdge
from compose.who.flow import Flow
from compose.who.region import Region
from compose.who.region_state import RegionState, dilated, either, masked

SURE = 204  # of 255: a result is certain of the subject
FOREGROUND = 128  # of 255: the matte takes a pixel for a person
NEVER = 10**9
# a direction that found less than this share of the area of others that the other one found has not seen them whole. Who walks by behind
# the demo's subject has 0.99 from both sides; cut where half of them is hidden, one side has less than 0.7
SEEN_WHOLE = 0.8
BESIDE_OTHERS = 2  # grid pixels around whom the other direction knows as somebody else


class Propagated(NamedTuple):
    """The areas in a frame, as one direction has them.

    state: The areas.
    since_apart: Number of frames since the subject and others were last seen apart: 0 where they are now, NEVER where this
        direction has not seen anybody else, so that somebody may have been hidden from the beginning.
    others_most: Grid pixels of others: the largest area that this direction has found of those who are not gone.
    """

    state: RegionState
    since_apart: int
    others_most: int


class Pass:
    """Goes through frames in one direction: `enter` each one, then `settle` it.

    Args:
        edge: Runs the matte where it was not run yet.
        forward: From the first frame to the last.
    """

    def __init__(self, edge: MatteEdge, *, forward: bool) -> None:
        self._edge, self._is_forward, self._id = edge, forward, -1
        self.forget()

    def forget(self) -> None:
        """Forget everything: the next frame is of another shot."""
        self._region, self._since_apart = Region(), NEVER
        self._later_is_same = True  # backwards: whether the look that came before has the same subject as this one
        self._missed: SoftMask | None = None  # where the subject was when looks began to miss it
        self._edge.reset()

    def enter(self, frame: GridFrame, flow: Flow | None) -> SoftMask | None:
        """Take the next frame.

        Args:
            frame: The frame.
            flow: Motion since the last frame of this pass.

        Returns:
            (h, w) uint8, where the subject is, as far as the last frame tells; None if it is not known.
        """
        self._id += 1
        self._captured_ns = frame.frame.captured_ns if self._is_forward else -frame.frame.captured_ns
        self._present = frame.present(self._id, self._captured_ns, flow, self._id - 1 if flow is not None else -1)
        self._region.push(self._present)
        self._predicted = self._region.predict(self._id)
        return self._predicted

    def settle(self, frame: GridFrame, look: Look | None) -> Propagated | None:
        """Correct the areas by a look at the frame that was entered, and run the matte there.

        Returns:
            The areas, None where the subject is not known.
        """
        if look is not None:
            self._correct(look)
        area = self._region.area
        if area is None or not area.any():
            return None
        if frame.likely is None or frame.box is None:
            frame.likely, frame.box = self._edge.infer(
                self._present, area if self._missed is None else either(area, self._missed)
            )
        if look is not None and look.outcome is Outcome.FOUND:
            look.coverage = coverage(look, frame)
        state = self._region.propagate(frame.likely, frame.box)
        sees_others = look is not None and bool(look.maps.others.any())
        if self._since_apart != NEVER or sees_others:
            before = 0 if self._since_apart == NEVER else self._since_apart
            self._since_apart = before + 1 if state.occluding else 0
        return Propagated(state, self._since_apart, self._region.others_most)

    def _correct(self, look: Look) -> None:
        maps, is_same = look.maps, look.is_same if self._is_forward else self._later_is_same
        self._later_is_same = look.is_same
        subject = maps.subject
        if look.outcome is Outcome.MISSED and self._predicted is not None:
            subject = masked(self._predicted, cv2.bitwise_not(maps.others))
            self._missed = self._predicted if self._missed is None else either(self._missed, self._predicted)
        else:
            self._missed = None
        self._region.correct(
            self._id, self._captured_ns, subject, maps.others, maps.certain, signs=maps.signs, is_same=is_same
        )


def coverage(look: Look, frame: GridFrame) -> float:
    """Return the share of the subject's certain area, inside the matte's box, that the matte takes for a person, 0..1."""
    assert frame.likely is not None and frame.box is not None
    x0, y0, x1, y1 = frame.box
    sure = look.likely_subject()[y0:y1, x0:x1] >= SURE
    likely = cv2.resize(frame.likely, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return float((likely[sure] >= FOREGROUND).mean()) if sure.any() else 1.0


def merged(one: Propagated, other: Propagated) -> RegionState:
    """Return the areas in a frame, from those of both directions.

    The subject is where one direction has it, unless the other knows better that this is somebody else: because it has seen
    people apart more recently. Where both have seen them equally recently, what one of them takes for somebody else is hidden.
    While one direction knows of somebody who may be hidden behind the subject, the other one shows nothing if it has seen nobody
    else, or only a part of them; but what it takes for somebody else is hidden.
    """
    near, far = (one, other) if one.since_apart <= other.since_apart else (other, one)
    for knows, less in ((near, far), (far, near)):
        if 0 < knows.since_apart < NEVER and _has_seen_less(less, knows):
            return _without(knows.state, less.state)
    rest = masked(far.state.subject, cv2.bitwise_not(not_subject(near.state)))
    mine = near.state.subject
    if near.since_apart == far.since_apart:
        both = cv2.bitwise_and(near.state.subject, far.state.subject)
        mine = either(masked(near.state.subject, cv2.bitwise_not(not_subject(far.state))), both)
    subject = either(mine, rest)
    free = cv2.bitwise_not(subject)
    return near.state._replace(
        subject=subject,
        others=masked(either(near.state.others, far.state.others), free),
        unassigned=masked(np.asarray(cv2.min(near.state.unassigned, far.state.unassigned), np.uint8), free),
        certain=masked(either(near.state.certain, far.state.certain), subject),
        frozen=near.state.frozen or far.state.frozen,
    )


def not_subject(state: RegionState) -> SoftMask:
    """Return where somebody is who is not the subject, or may not be, with a margin, (h, w) uint8."""
    return either(dilated(state.others, BESIDE_OTHERS), dilated(state.unassigned, BESIDE_OTHERS))


def _without(state: RegionState, other: RegionState) -> RegionState:
    """Return a direction's areas without what the other one does not take for the subject."""
    hidden = not_subject(other)
    mine, certain = (masked(area, cv2.bitwise_not(hidden)) for area in (state.subject, state.certain))
    others = either(state.others, masked(other.others, cv2.bitwise_not(mine)))
    return state._replace(subject=mine, certain=certain, others=others)


def _has_seen_less(one: Propagated, other: Propagated) -> bool:
    """Return whether a direction has not seen those whom the other one has seen, or only a part of them."""
    return one.since_apart == NEVER or one.others_most < SEEN_WHOLE * other.others_most
