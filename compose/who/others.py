"""The people of a result, and who of the results before it is not the subject. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.who.appearance import Look, alike, alike_parts

LEAST_OVERLAP = 0.15  # IoU from which two areas are at the same place
# alike in head, upper and lower half, for a person who is in the right place
NOT_UNLIKE = np.array((0.70, 0.65, 0.60), np.float32)
NEAR_WIDTHS = 1.25  # of a person: nobody who is farther away counts as near the place
KEPT_NS = 1_500_000_000  # a person who was missed for less is still the same, at one result a second too
EDGE = 4  # grid pixels: a person who is nearer to the side of the picture is cut off by it
BESIDE = 5  # grid pixels: a person who is nearer to another one may be hidden by that one
FORGET = 0.1  # share of a new look in the remembered one


class Candidate(NamedTuple):
    """A person of one result: 255 where it is on the grid (h, w), its look (None: too small), and its score 0..1."""

    area: SoftMask
    look: Look | None
    score: float = 1.0

    @property
    def prominence(self) -> float:
        """How likely this is who sits in front of the camera: a poster's face is as sure as one's own, but smaller."""
        return self.score * math.sqrt(np.count_nonzero(self.area))


class Other(NamedTuple):
    """Somebody who was not taken for the subject.

    known: Seen together with the subject, and followed since: this is not the subject.
    here: Came into view where the subject had left.
    """

    area: SoftMask
    look: Look | None
    seen_ns: int
    known: bool
    here: bool


def overlap(one: SoftMask, other: SoftMask) -> float:
    """Intersection over union of two areas, 0..1."""
    union = cv2.countNonZero(cv2.bitwise_or(one, other))
    return cv2.countNonZero(cv2.bitwise_and(one, other)) / union if union else 0.0


def covered(one: SoftMask, other: SoftMask) -> float:
    """Share of one area that lies in another, 0..1."""
    return cv2.countNonZero(cv2.bitwise_and(one, other)) / max(1, cv2.countNonZero(one))


def sides(area: SoftMask) -> frozenset[str]:
    """Which sides of the picture an area (h, w) touches: "left", "right", both or none."""
    x, _, w, _ = cv2.boundingRect(area)
    touched = {"left": w > 0 and x < EDGE, "right": w > 0 and x + w > area.shape[1] - EDGE}
    return frozenset(side for side, touches in touched.items() if touches)


def apart(one: SoftMask, other: SoftMask) -> float:
    """Columns between the middles of two areas."""
    (x, _, w, _), (u, _, v, _) = cv2.boundingRect(one), cv2.boundingRect(other)
    return float(abs(x + w / 2 - u - v / 2))


def beside(one: SoftMask, other: SoftMask, by: int = BESIDE) -> bool:
    """Whether two areas touch, or nearly: at most `by` grid pixels are between them."""
    return bool(cv2.bitwise_and(cv2.dilate(one, np.ones((2 * by + 1,) * 2, np.uint8)), other).any())


def mixed(remembered: Look | None, new: Look | None) -> Look | None:
    """A remembered look with a share of a new one."""
    if remembered is None or new is None:
        return new if remembered is None else remembered
    return np.asarray((1 - FORGET) * remembered + FORGET * new, np.float32)


class Others:
    """Follows everybody but the subject from result to result."""

    def __init__(self) -> None:
        self._people: list[Other] = []

    def forget(self, now_ns: int) -> list[Other]:
        """Let go of people whom no result has found for long, and return them."""
        gone = [o for o in self._people if now_ns - o.seen_ns > KEPT_NS]
        self._people = [o for o in self._people if now_ns - o.seen_ns <= KEPT_NS]
        return gone

    def same_as(self, people: list[Candidate], is_not: Callable[[Candidate, Other], bool]) -> list[Other | None]:
        """For each person of a result which of the others it is, None for none of them; `is_not` rules pairs out."""
        marks = []
        for index, person in enumerate(people):
            for number, other in enumerate(self._people):
                shared = overlap(person.area, other.area)
                near = apart(person.area, other.area) <= NEAR_WIDTHS * cv2.boundingRect(other.area)[2]
                moved = near and bool((alike_parts(person.look, other.look) >= NOT_UNLIKE).all())
                if (shared >= LEAST_OVERLAP or moved) and not is_not(person, other):
                    marks.append((shared + 0.5 * alike(person.look, other.look), index, number))
        found: list[Other | None] = [None] * len(people)
        taken: set[int] = set()
        for _, index, number in sorted(marks, reverse=True):
            if found[index] is None and number not in taken:
                found[index] = self._people[number]
                taken.add(number)
        return found

    def missed(self, found: list[Other | None]) -> list[Other]:
        """Those who are not among the `found`."""
        return [o for o in self._people if not any(o is other for other in found)]

    def remember(self, now: list[Other], found: list[Other | None]) -> None:
        """Take the people of a result, `now`; `found` says who they were before. People who were missed stay for a while."""
        self._people = now + self.missed(found)
