"""Who stays sharp: chosen once, then followed from result to result. Pure.

Identity is overlap first (where the subject's own region lay in the very frame that the result is of) and appearance
second (coarse colours of upper and lower half). A bystander with a higher score is never taken for the subject; when
no instance is the subject, nobody is shown until one is again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.messages import Instance

Map = NDArray[np.uint8]
Picture = NDArray[np.uint8]

PERSON = 0
# Bhattacharyya coefficients of looks, measured on the demo's two people, again and dance-twirl: one person's over time
# 0.73 to 0.99, two persons' 0.41 to 0.68
LEAST_OVERLAP, PLACE_ALONE = 0.15, 0.5  # IoU with the rolled region from which a place counts, and needs no looks
NOT_UNLIKE, ALIKE = 0.6, 0.75  # for somebody in the right place, and for somebody who comes back anywhere
LEFT_NS = 1_000_000_000  # not found for so long: it has left, and its place is anybody's
MISSED = 0.03  # of the width: as far beside a person one may point
FORGET = 0.1  # share of a new look in the remembered one
LOOK_BINS = (12, 4, 4)  # hue, saturation, value
HALVES = 2


def people_of(instances: Iterable[Instance], confidence: float) -> list[Instance]:
    """The persons among instances with a score of at least `confidence`, the surest first."""
    people = [i for i in instances if i.class_id == PERSON and i.score >= confidence]
    return sorted(people, key=lambda i: i.score, reverse=True)


class Candidate(NamedTuple):
    """A person of one result: 255 where it is on the grid (h, w), its look (None: too small), and its score 0..1."""

    area: Map
    look: NDArray[np.float32] | None
    score: float = 1.0

    @property
    def prominence(self) -> float:
        """How likely this is who sits in front of the camera: a poster's face is as sure as one's own, but smaller."""
        return self.score * math.sqrt(np.count_nonzero(self.area))


def look_of(small: Picture, area: Map) -> NDArray[np.float32] | None:
    """Histograms of colour in the upper and the lower half of an area, each summing to 1, or None where it is too small.

    Args:
        small: (h, w, 3) uint8 BGR on the grid.
        area: (h, w) uint8, 255 inside.
    """
    inside = cv2.erode(area, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(inside) < 12:
        return None
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    _, top, _, height = cv2.boundingRect(inside)
    halves = []
    for number in range(HALVES):
        part = np.zeros_like(inside)
        rows = slice(top + number * height // HALVES, top + (number + 1) * height // HALVES)
        part[rows] = inside[rows]
        found = cv2.calcHist([hsv], [0, 1, 2], part, list(LOOK_BINS), [0, 180, 0, 256, 0, 256]).ravel()
        halves.append(found / max(1.0, float(found.sum())))
    return np.asarray(halves, np.float32)


def alike(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    """Bhattacharyya coefficient of two looks, 0..1; 0 where one is unknown."""
    return 0.0 if one is None or other is None else float(np.sqrt(one * other).sum(1).mean())


def overlap(one: Map, other: Map) -> float:
    """Intersection over union of two areas, 0..1."""
    union = cv2.countNonZero(cv2.bitwise_or(one, other))
    return cv2.countNonZero(cv2.bitwise_and(one, other)) / union if union else 0.0


def by_number(number: int, lefts: list[int], present: int | None) -> int:
    """Index of the person asked for: number 1..9 counts from the left, as far as there are; 0 is who stands to the
    right of the `present` subject, and after the last the first."""
    order = sorted(range(len(lefts)), key=lambda index: lefts[index])
    if number:
        return order[min(number, len(order)) - 1]
    return order[(order.index(present) + 1) % len(order)] if present is not None else order[0]


def by_place(x: float, y: float, areas: list[Map]) -> int | None:
    """Index of the person at a place, 0..1 of width and height, or very near it; None where nobody is."""
    found: tuple[float, int] | None = None
    for index, area in enumerate(areas):
        height, width = area.shape
        column, row = min(int(x * width), width - 1), min(int(y * height), height - 1)
        away = float(cv2.distanceTransform(cv2.bitwise_not(area), cv2.DIST_L2, 3)[row, column]) if area.any() else 1e6
        if away <= MISSED * width and (found is None or away < found[0]):
            found = away, index
    return found[1] if found else None


@dataclass
class SubjectLock:
    """Follows one person.

    Args:
        returns: "auto": who left is known again by looks; "ask": only `take` ends the wait.
    """

    returns: str = "auto"
    look: NDArray[np.float32] | None = None
    chosen: bool = False
    place: Map | None = None
    seen_ns: int = 0
    left: bool = False

    def clear(self) -> None:
        """Nobody is locked: the next result chooses."""
        self.look, self.chosen, self.place, self.left = None, False, None, False

    def take(self, person: Candidate, now_ns: int) -> None:
        """This one, from now on."""
        self.look, self.chosen = None, True
        self._remember(person, now_ns)

    def follow(self, people: list[Candidate], region: Map | None, now_ns: int) -> int | None:
        """Which of `people` is the subject, if any.

        Args:
            people: Of one result.
            region: The subject's area in that result's frame as rolled forward so far, None or empty if unknown.
            now_ns: Time of that frame.
        """
        if self.chosen and now_ns - self.seen_ns > LEFT_NS:
            self.left = True
        found = self._same(people, region) if self.chosen else self._first(people)
        if found is not None:
            self._remember(people[found], now_ns)
        return found

    def _first(self, people: list[Candidate]) -> int | None:
        if not people:
            return None
        first = int(np.argmax([p.prominence for p in people]))
        # whom nobody could tell again is not locked: the next result chooses
        self.chosen = people[first].look is not None
        return first

    def _same(self, people: list[Candidate], region: Map | None) -> int | None:
        looks = [alike(p.look, self.look) for p in people]
        if self.left:
            return self._by_look(looks) if self.returns == "auto" else None
        known = region is not None and region.any()
        place = region if known else self.place  # missed for a moment: where it was last
        if place is not None:
            overlaps = [overlap(p.area, place) for p in people]
            # taken by hand from a frame whose picture was missed: there is nothing but the place
            alone = known or self.look is None
            marks = [
                o + 0.5 * a if (alone and o >= PLACE_ALONE) or (o >= LEAST_OVERLAP and a >= NOT_UNLIKE) else 0.0
                for o, a in zip(overlaps, looks, strict=True)
            ]
            if any(marks):
                return int(np.argmax(marks))
        return self._by_look(looks)

    def _by_look(self, looks: list[float]) -> int | None:
        best = int(np.argmax(looks)) if looks else -1
        return best if best >= 0 and looks[best] >= ALIKE else None

    def _remember(self, person: Candidate, now_ns: int) -> None:
        self.place, self.seen_ns, self.left = person.area, now_ns, False
        if person.look is not None:
            self.look = person.look if self.look is None else (1 - FORGET) * self.look + FORGET * person.look
