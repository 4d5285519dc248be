"""Who stays sharp: chosen once, then followed from result to result. Pure.

The subject is followed by place: where its own region lay in the very frame that the result is of. A person is taken for a
subject that was missed or left only where that is not in doubt: at the subject's last place, within seconds, alike in head
and both halves, and nobody else seen there meanwhile. Otherwise nobody is shown until the user chooses by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.records import Instance
from common.vision.arrays import SoftMask
from common.vision.coco import PERSON
from compose.who.appearance import Look, alike, alike_parts
from compose.who.others import (
    LEAST_OVERLAP,
    NEAR_WIDTHS,
    NOT_UNLIKE,
    Candidate,
    Other,
    Others,
    apart,
    beside,
    covered,
    mixed,
    overlap,
    sides,
)

PLACE_ALONE = 0.5  # IoU with the place from which it needs no looks
# alike in head, upper and lower half, see compose/who/appearance.py, where the subject was missed or left; measured by `python -m
# tests.bench returns`
ALIKE = np.array((0.78, 0.82, 0.88), np.float32)
TWICE = 0.7  # IoU of two detections of one person
SAME_BODY = 0.5  # share of a detection that another one covers, from which both are of one body
CLEARER = 0.15  # the mark of the subject must be higher by this than that of another person who may stand there
RATHER = 0.12  # by so much less alike, in the head and on average, somebody else is certainly not the one who was found
LEFT_NS = 1_000_000_000  # looked for and not found for so long: the subject has left
GAP_NS = 500_000_000  # between two results, at most, counts as time in which somebody was looked for
AWAY_NS = 12_000_000_000  # away for longer: the call asks about every person who comes
ALONE_NS = 750_000_000  # within this after the last result nobody can have taken the subject's place unseen
UNSURE_NS = 3_000_000_000  # a person who did not look like the subject for so long is another one
WHOLE = (0.6, 1.7)  # of the subject's area: a smaller or larger one cannot be compared with it
MISSED = 0.03  # of the width: as far beside a person one may point


def people_of(instances: Iterable[Instance], confidence: float) -> list[Instance]:
    """The persons among instances with a score of at least `confidence`, the surest first; a sign of somebody is none."""
    people = [i for i in instances if i.class_id == PERSON and i.score >= confidence and not i.is_sign]
    return sorted(people, key=lambda i: i.score, reverse=True)


def by_number(number: int, lefts: list[int], present: int | None) -> int:
    """Index of the person asked for: number 1..9 counts from the left, as far as there are; 0 is who stands to the
    right of the `present` subject, and after the last the first."""
    order = sorted(range(len(lefts)), key=lambda index: lefts[index])
    if number:
        return order[min(number, len(order)) - 1]
    return order[(order.index(present) + 1) % len(order)] if present is not None else order[0]


def by_place(x: float, y: float, areas: list[SoftMask]) -> int | None:
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
        returns: "auto": a person who comes is taken for the subject where that is not in doubt; "ask": only `take` ends the wait.
    """

    returns: str = "auto"
    look: Look | None = None
    chosen: bool = False
    place: SoftMask | None = None  # where the subject was last
    seen_ns: int = 0
    left: bool = False
    asked: tuple[int, ...] = ()  # people of the last result who may be the subject or not
    _size: float = 0.0  # grid pixels of the subject where it was seen whole
    _width: float = 0.0
    _others: Others = field(default_factory=Others)
    _doubt: bool = False  # somebody else was seen where the subject left
    _unsure_ns: int = 0  # how long somebody was seen there who did not look like the subject
    _looked_ns: int = 0  # time of the last result
    # time that counts for missing people: while no result comes nobody is missed
    _watched_ns: int = 0
    _seen_watched_ns: int = 0  # when the subject was seen last, on that clock

    def take(self, people: list[Candidate], index: int, now_ns: int) -> None:
        """Follow this one of a result's people from now on: somebody chose it by hand."""
        self.look, self.chosen, self._others = None, True, Others()
        self._note(people, index, [None] * len(people), now_ns)

    def keep(self, now_ns: int) -> None:
        """The last result did not find the subject, but its area goes on: it is not missed yet."""
        self.seen_ns, self._seen_watched_ns, self.left, self.asked = now_ns, self._watched_ns, False, ()
        self._doubt, self._unsure_ns = False, 0

    def follow(
        self, people: list[Candidate], region: SoftMask | None, now_ns: int, *, is_steady: bool = False
    ) -> int | None:
        """Which of `people` is the subject, if any.

        Args:
            people: Of one result.
            region: The subject's area in that result's frame as rolled forward so far, None or empty if unknown.
            now_ns: Time of that frame.
            is_steady: The subject has been alone and unchanged since the last result.
        """
        self._watched_ns += min(now_ns - self._looked_ns, GAP_NS)
        # a person who was lost sight of near the subject's place may come back as the subject, and nobody would know
        self._doubt |= any(self._may_be_taken_for_subject(other) for other in self._others.forget(self._watched_ns))
        others = self._others.same_as(people, self._is_rather_subject)
        if not self.chosen:
            found = self._first(people)
        else:
            known = region is not None and bool(region.any())
            place = region if known else self.place
            self.left = not known and self._watched_ns - self._seen_watched_ns > LEFT_NS
            found = None
            if place is not None and not self.left and (known or not self._doubt):
                found = self._staying(people, others, place, known, now_ns, is_steady=is_steady)
            if found is None and not (self.left and self.returns == "ask"):
                found = self._returning(people, others, now_ns)
        self._note(people, found, others, now_ns)
        return found

    def _first(self, people: list[Candidate]) -> int | None:
        if not people:
            return None
        first = int(np.argmax([p.prominence for p in people]))
        # whom nobody could tell again is not locked: the next result chooses
        self.chosen = people[first].look is not None
        return first

    def _staying(
        self,
        people: list[Candidate],
        others: list[Other | None],
        place: SoftMask,
        known: bool,
        now_ns: int,
        *,
        is_steady: bool,
    ) -> int | None:
        """Index of the person who is where the subject is, or was a moment ago, and is nobody else."""
        marks = [0.0] * len(people)
        for index, person in enumerate(people):
            mark = overlap(person.area, place) + 0.5 * alike(person.look, self.look)
            if overlap(person.area, place) >= LEAST_OVERLAP and not self._is_other(index, people, others, mark):
                sure = overlap(person.area, place) >= PLACE_ALONE and self._is_alone(index, people, others)
                if person.look is None or self.look is None:
                    good = sure  # compose missed the picture: there is nothing but the place
                else:
                    soon = known and (is_steady or now_ns - self.seen_ns <= ALONE_NS)
                    stalled = not known and now_ns - self.seen_ns > LEFT_NS  # no result came for long
                    # where the subject was missed, or may have gone out by a side, this may be another person: see _returning
                    last = not stalled and self.seen_ns == self._looked_ns
                    still = known or (not sides(place) and (sure or last))
                    good = (sure and soon) or (still and self._is_alike(person, ALIKE if stalled else NOT_UNLIKE))
                marks[index] = mark if good else 0.0
        return int(np.argmax(marks)) if any(marks) else None

    def _is_alone(self, index: int, people: list[Candidate], others: list[Other | None]) -> bool:
        """Whether nobody stands beside one of `people` but others who are known and were found in this result."""
        strangers = [
            person.area
            for k, (person, other) in enumerate(zip(people, others, strict=True))
            if k != index and (other is None or not other.known)
        ]
        missed = [other.area for other in self._others.missed([o for k, o in enumerate(others) if k != index])]
        return not any(beside(people[index].area, area) for area in strangers + missed)

    def _is_other(self, index: int, people: list[Candidate], others: list[Other | None], mark: float) -> bool:
        """Whether one of `people` may be another person than the subject: one who is known, with a higher mark than `mark` there."""
        elsewhere = [o for k, o in enumerate(others) if o is not None and k != index]
        return any(
            other.known
            and not self._is_rather_subject(people[index], other)
            and (shared := overlap(people[index].area, other.area)) > 0
            and shared + 0.5 * alike(people[index].look, other.look) > mark - clearer
            for group, clearer in ((elsewhere, 0.0), (self._others.missed([*elsewhere]), CLEARER))
            for other in group
        )

    def _returning(self, people: list[Candidate], others: list[Other | None], now_ns: int) -> int | None:
        """Index of the person who came back to where the subject was last, if that is beyond doubt."""
        if self._doubt or self.look is None or now_ns - self.seen_ns > AWAY_NS:
            return None
        here = [k for k, (p, o) in enumerate(zip(people, others, strict=True)) if self._came_here(p, o)]
        if not here:
            return None
        best = max(here, key=lambda k: alike(people[k].look, self.look))
        # who is clearly somebody else, or a second detection of the same body, is no rival
        rivals = [k for k in here if k != best and not self._is_stranger(people[k])]
        if any(covered(people[k].area, people[best].area) < SAME_BODY for k in rivals):
            return None
        return best if self._is_alike(people[best], ALIKE) else None

    def _is_rather_subject(self, person: Candidate, other: Other) -> bool:
        """Whether a person is alike the subject in every part, and clearly less alike somebody else, the head above all.

        A result may give a part of the subject to the person beside it. That person then seems to have been where the
        subject is, and would be taken for the subject's own next detection.
        """
        if person.look is None or other.look is None or self.look is None:
            return False
        clearer = alike_parts(person.look, self.look) - alike_parts(person.look, other.look)
        return self._is_alike(person, ALIKE) and bool(clearer[0] >= RATHER and clearer.mean() >= RATHER)

    def _may_be_taken_for_subject(self, other: Other) -> bool:
        """Whether a person of whom we lost sight was near the subject's place, and may look like the subject.

        The subject was found since, and beyond doubt, where the person was lost before.
        """
        lost_later = other.seen_ns >= self._seen_watched_ns
        is_near = lost_later and not other.here and self._is_near(other.area)
        return is_near and not (other.known and self._is_stranger(other))

    def may_be(self, person: Candidate | Other) -> bool:
        """Whether a person is not unlike the subject."""
        return self._is_alike(person, NOT_UNLIKE)

    def _is_alike(self, person: Candidate | Other, least: NDArray[np.float32]) -> bool:
        return bool((alike_parts(person.look, self.look) >= least).all())

    def _came_here(self, person: Candidate, other: Other | None) -> bool:
        if other is not None:
            return other.here
        return self._is_near(person.area)

    def _is_near(self, area: SoftMask) -> bool:
        """Whether an area is at the place and side where the subject left."""
        if self.place is None:
            return False
        mine, theirs = sides(self.place), sides(area)
        across = bool(mine and theirs and not mine & theirs)
        return not across and apart(area, self.place) <= NEAR_WIDTHS * self._width

    def _note(self, people: list[Candidate], found: int | None, others: list[Other | None], now_ns: int) -> None:
        """Remember who was where in a result in which the subject was `found`."""
        if found is not None:
            self._remember(people[found], now_ns)
        took_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        now = [
            Other(
                person.area,
                mixed(None if other is None else other.look, person.look),
                self._watched_ns,
                found is not None or (other is not None and other.known),
                found is None and self._came_here(person, other),
            )
            for k, (person, other) in enumerate(zip(people, others, strict=True))
            if found is None or (k != found and not self._is_found_twice(person, other, people[found]))
        ]
        self._others.remember(now, others)
        self.asked = ()
        if found is None and self.chosen:
            here = [person for person in now if person.here and self._is_whole(person, now)]
            # people who stand close may be found as one: the lower half, the widest, is then partly somebody else's
            unsure = any((alike_parts(p.look, self.look)[:2] < ALIKE[:2]).any() for p in here)
            self._unsure_ns += min(took_ns, LEFT_NS) if unsure else 0
            self._doubt |= self._unsure_ns > UNSURE_NS or any(self._is_stranger(p) for p in here)
            self.asked = tuple(k for k, p in enumerate(now) if self.left and (not p.known or self._is_alike(p, ALIKE)))

    def _is_found_twice(self, person: Candidate, other: Other | None, subject: Candidate) -> bool:
        """Whether a detection is the subject once more: it covers the subject, or is a part of it, looks like it, and is
        nobody who was followed until now."""
        is_part = covered(person.area, subject.area) >= SAME_BODY and self.may_be(person)
        return (is_part and other is None) or overlap(person.area, subject.area) >= TWICE

    def _is_whole(self, person: Other, people: list[Other]) -> bool:
        """Whether nothing hides so much of a person that it cannot be compared with the subject."""
        size = cv2.countNonZero(person.area)
        cut = bool(sides(person.area)) or any(p is not person and beside(p.area, person.area) for p in people)
        return not cut and WHOLE[0] * self._size <= size <= WHOLE[1] * self._size

    def _is_stranger(self, person: Candidate | Other) -> bool:
        """Whether a person who is seen whole is clearly not the subject."""
        return person.look is not None and not self.may_be(person)

    def _remember(self, person: Candidate, now_ns: int) -> None:
        self.place = person.area
        self.keep(now_ns)
        if not sides(person.area) or not self._size:
            self._size, self._width = float(cv2.countNonZero(person.area)), float(cv2.boundingRect(person.area)[2])
        self.look = mixed(self.look, person.look)
