"""Follow the people who are not the subject, from result to result. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import SoftMask
from compose.who.appearance import Appearance, part_similarities, similarity

LEAST_OVERLAP = 0.15  # two areas with this IoU are at the same place
# least similarity of head, upper and lower half, for a person who is in the right place
NOT_UNLIKE = np.array((0.70, 0.65, 0.60), np.float32)
NEAR_WIDTHS = 1.25  # widths of a person: somebody who is farther away is not near the place
KEPT_NS = 1_500_000_000  # a person who was missed for less is still followed, even at one result a second
EDGE = 4  # grid pixels: a person who is nearer to a side of the picture is cut off by it
BESIDE = 5  # grid pixels: a person who is nearer to another one may be hidden by that one
FORGET = 0.1  # weight of a new appearance in the remembered one


class Candidate(NamedTuple):
    """A person in one result.

    area: (h, w) uint8 on the grid, 255 inside.
    appearance: None if the person is too small.
    score: 0..1.
    """

    area: SoftMask
    appearance: Appearance | None
    score: float = 1.0

    @property
    def saliency(self) -> float:
        """How likely this person sits in front of the camera: a face on a poster has the same score, but is smaller."""
        return self.score * math.sqrt(np.count_nonzero(self.area))


class Other(NamedTuple):
    """A person who is not the subject, or not known to be.

    seen_ns: When a result last found this person, on the clock of SubjectTracker.
    known: Was found together with the subject and followed since, so this is not the subject.
    here: Came into view where the subject had left.
    """

    area: SoftMask
    appearance: Appearance | None
    seen_ns: int
    known: bool
    here: bool


def overlap(one: SoftMask, other: SoftMask) -> float:
    """Return the intersection over union of two areas, 0..1."""
    union = cv2.countNonZero(cv2.bitwise_or(one, other))
    return cv2.countNonZero(cv2.bitwise_and(one, other)) / union if union else 0.0


def coverage(one: SoftMask, other: SoftMask) -> float:
    """Return the share of one area that lies in another, 0..1."""
    return cv2.countNonZero(cv2.bitwise_and(one, other)) / max(1, cv2.countNonZero(one))


def sides(area: SoftMask) -> frozenset[str]:
    """Return the sides of the picture that an area (h, w) touches: "left", "right", both or none."""
    x, _, w, _ = cv2.boundingRect(area)
    touched = {"left": w > 0 and x < EDGE, "right": w > 0 and x + w > area.shape[1] - EDGE}
    return frozenset(side for side, touches in touched.items() if touches)


def column_distance(one: SoftMask, other: SoftMask) -> float:
    """Return the distance of the middles of two areas, columns."""
    (x, _, w, _), (u, _, v, _) = cv2.boundingRect(one), cv2.boundingRect(other)
    return float(abs(x + w / 2 - u - v / 2))


def are_adjacent(one: SoftMask, other: SoftMask, by: int = BESIDE) -> bool:
    """Return whether at most `by` grid pixels are between two areas."""
    return bool(cv2.bitwise_and(cv2.dilate(one, np.ones((2 * by + 1,) * 2, np.uint8)), other).any())


def blended(remembered: Appearance | None, new: Appearance | None) -> Appearance | None:
    """Blend a new appearance into the remembered one."""
    if remembered is None or new is None:
        return new if remembered is None else remembered
    return np.asarray((1 - FORGET) * remembered + FORGET * new, np.float32)


class Others:
    """Follows everybody but the subject from result to result."""

    def __init__(self) -> None:
        self._people: list[Other] = []

    def forget(self, now_ns: int) -> list[Other]:
        """Remove the people whom no result has found for long, and return them."""
        gone = [o for o in self._people if now_ns - o.seen_ns > KEPT_NS]
        self._people = [o for o in self._people if now_ns - o.seen_ns <= KEPT_NS]
        return gone

    def same_as(self, people: list[Candidate], is_not: Callable[[Candidate, Other], bool]) -> list[Other | None]:
        """Return for each person of a result which of the others it is, or None; `is_not` rules out pairs."""
        marks = []
        for index, person in enumerate(people):
            for number, other in enumerate(self._people):
                shared = overlap(person.area, other.area)
                near = column_distance(person.area, other.area) <= NEAR_WIDTHS * cv2.boundingRect(other.area)[2]
                moved = near and bool((part_similarities(person.appearance, other.appearance) >= NOT_UNLIKE).all())
                if (shared >= LEAST_OVERLAP or moved) and not is_not(person, other):
                    marks.append((shared + 0.5 * similarity(person.appearance, other.appearance), index, number))
        found: list[Other | None] = [None] * len(people)
        taken: set[int] = set()
        for _, index, number in sorted(marks, reverse=True):
            if found[index] is None and number not in taken:
                found[index] = self._people[number]
                taken.add(number)
        return found

    def missed(self, found: Sequence[Other | None]) -> list[Other]:
        """Return the people who are not among the `found`."""
        return [o for o in self._people if not any(o is other for other in found)]

    def remember(self, now: list[Other], found: list[Other | None]) -> None:
        """Replace the `found` people by those of a new result, `now`. People whom it missed stay for a while."""
        self._people = now + self.missed(found)
