"""Follow the person who stays sharp from result to result. Pure.

A person is matched with the subject by place: where the subject's own region lay in the very frame of the result. Where the
subject was missed or has left, a person is matched again only if that is not in doubt: at the subject's last place, within
seconds, similar in head and both halves, and nobody else was found there meanwhile. Otherwise nobody is shown until the user
chooses by hand.
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
from compose.who.appearance import Appearance, part_similarities, similarity
from compose.who.others import (
    LEAST_OVERLAP,
    NEAR_WIDTHS,
    NOT_UNLIKE,
    Candidate,
    Other,
    Others,
    are_adjacent,
    blended,
    column_distance,
    coverage,
    overlap,
    sides,
)

PLACE_ALONE = 0.5  # with this IoU the place is enough, without the appearance
# least similarity of head, upper and lower half (compose/who/appearance.py) where the subject was missed or has left; measured by
# `python -m tests.bench returns`
ALIKE = np.array((0.78, 0.82, 0.88), np.float32)
TWICE = 0.7  # IoU of two detections of one person
SAME_BODY = 0.5  # two detections are of one body if one covers such a share of the other
CLEARER = 0.15  # the subject's mark must exceed that of another person who may stand there by so much
RATHER = 0.12  # somebody else is ruled out if the subject is more similar by so much, in the head and on average
LEFT_NS = 1_000_000_000  # the subject has left if results did not find it for so long
GAP_NS = 500_000_000  # at most so much of the time between two results counts as time in which people were looked for
AWAY_NS = 12_000_000_000  # after a longer absence the call asks about every person who comes
ALONE_NS = 750_000_000  # nobody can take the subject's place unnoticed within so long after a result
UNSURE_NS = 3_000_000_000  # a person whose appearance differed from the subject's for so long is another one
WHOLE = (0.6, 1.7)  # a person with an area outside these multiples of the subject's cannot be compared with it
MISSED = 0.03  # of the width: greatest distance from a person at which a click still means that person


def is_somebody(instance: Instance) -> bool:
    """Return whether an instance is a person, however doubtful, or a sign of somebody."""
    return instance.class_id == PERSON or instance.is_sign


def people_of(instances: Iterable[Instance], confidence: float) -> list[Instance]:
    """Return the people among instances with a score of at least `confidence`, highest first, without signs of somebody."""
    people = [i for i in instances if i.class_id == PERSON and i.score >= confidence and not i.is_sign]
    return sorted(people, key=lambda i: i.score, reverse=True)


def by_number(number: int, lefts: list[int], present: int | None) -> int:
    """Return the index of the person with a number.

    Args:
        number: 1..9 counts from the left, and the last person stands for higher numbers. 0 is the next person to the right of
            the `present` subject, and after the last one the first.
        lefts: Left border of each person, columns.
        present: Index of the present subject, None if it was not found.
    """
    order = sorted(range(len(lefts)), key=lambda index: lefts[index])
    if number:
        return order[min(number, len(order)) - 1]
    return order[(order.index(present) + 1) % len(order)] if present is not None else order[0]


def by_place(x: float, y: float, areas: list[SoftMask]) -> int | None:
    """Return the index of the person at or very near a place, 0..1 of width and height; None if nobody is there."""
    found: tuple[float, int] | None = None
    for index, area in enumerate(areas):
        height, width = area.shape
        column, row = min(int(x * width), width - 1), min(int(y * height), height - 1)
        away = float(cv2.distanceTransform(cv2.bitwise_not(area), cv2.DIST_L2, 3)[row, column]) if area.any() else 1e6
        if away <= MISSED * width and (found is None or away < found[0]):
            found = away, index
    return found[1] if found else None


@dataclass
class SubjectTracker:
    """Follows one person.

    Args:
        reacquire: "auto" matches a person who comes with the subject if that is not in doubt. "ask" waits for `assign`.
    """

    reacquire: str = "auto"
    appearance: Appearance | None = None
    chosen: bool = False
    place: SoftMask | None = None  # last area of the subject
    seen_ns: int = 0
    is_lost: bool = False
    unresolved: tuple[int, ...] = ()  # indices of people in the last result who may or may not be the subject
    _size: float = 0.0  # grid pixels of the subject when it was found whole
    _width: float = 0.0
    _others: Others = field(default_factory=Others)
    _doubt: bool = False  # somebody else was found where the subject left
    _is_anywhere: bool = False  # the subject has not been recognised since a cut
    _unsure_ns: int = 0  # how long somebody was found there whose appearance differs from the subject's
    _last_result_ns: int = 0  # time of the last result
    # a clock on which people can be missed: it stands still while no result comes
    _watched_ns: int = 0
    _seen_watched_ns: int = 0  # when the subject was found last, on that clock

    def assign(self, people: list[Candidate], index: int, now_ns: int) -> None:
        """Follow the person `index` of a result's people from now on: it was chosen by hand."""
        self.appearance, self.chosen, self._others = None, True, Others()
        self._record(people, index, [None] * len(people), now_ns)

    def keep(self, now_ns: int) -> None:
        """Treat the subject as found at `now_ns`, although a result did not find it: its area is held."""
        self.seen_ns, self._seen_watched_ns, self.is_lost, self.unresolved = now_ns, self._watched_ns, False, ()
        self._doubt, self._unsure_ns = False, 0

    def cut(self) -> None:
        """Take that the next result is of another shot: no place counts any more until the subject is recognised there."""
        self.place, self._others, self._doubt, self._unsure_ns = None, Others(), False, 0
        self._is_anywhere = self.chosen

    def match(
        self, people: list[Candidate], region: SoftMask | None, now_ns: int, *, is_unchanged: bool = False
    ) -> int | None:
        """Return the index of the subject among `people`, None if it is not among them.

        Args:
            people: The people of one result.
            region: The subject's area in that result's frame as propagated so far, None or empty if it is unknown.
            now_ns: Capture time of that frame.
            is_unchanged: The subject has been alone and unchanged since the last result.
        """
        self._watched_ns += min(now_ns - self._last_result_ns, GAP_NS)
        # a person who disappeared near the subject's place could come back and be matched as the subject
        self._doubt |= any(self._may_be_taken_for_subject(other) for other in self._others.forget(self._watched_ns))
        others = self._others.same_as(people, self._is_rather_subject)
        if not self.chosen:
            found = self._first(people)
        else:
            known = region is not None and bool(region.any())
            place = region if known else self.place
            self.is_lost = not known and self._watched_ns - self._seen_watched_ns > LEFT_NS
            found = None
            if place is not None and not self.is_lost and (known or not self._doubt):
                found = self._match_in_place(people, others, place, known, now_ns, is_unchanged=is_unchanged)
            if found is None and not (self.is_lost and self.reacquire == "ask"):
                found = self._reacquired(people, others, now_ns)
        self._record(people, found, others, now_ns)
        return found

    def _first(self, people: list[Candidate]) -> int | None:
        if not people:
            return None
        first = int(np.argmax([p.saliency for p in people]))
        # a person without a known appearance could not be recognised again, so the next result chooses anew
        self.chosen = people[first].appearance is not None
        return first

    def _match_in_place(
        self,
        people: list[Candidate],
        others: list[Other | None],
        place: SoftMask,
        known: bool,
        now_ns: int,
        *,
        is_unchanged: bool,
    ) -> int | None:
        """Return the index of the person at the subject's place who is not known to be somebody else."""
        marks = [0.0] * len(people)
        for index, person in enumerate(people):
            mark = overlap(person.area, place) + 0.5 * similarity(person.appearance, self.appearance)
            if overlap(person.area, place) >= LEAST_OVERLAP and not self._is_other(index, people, others, mark):
                sure = overlap(person.area, place) >= PLACE_ALONE and self._is_alone(index, people, others)
                if person.appearance is None or self.appearance is None:
                    good = sure  # compose skipped the picture, so only the place is known
                else:
                    soon = known and (is_unchanged or now_ns - self.seen_ns <= ALONE_NS)
                    stalled = not known and now_ns - self.seen_ns > LEFT_NS  # no result came for long
                    # where the subject was missed, or may have left at a side, this may be another person: see _reacquired
                    last = not stalled and self.seen_ns == self._last_result_ns
                    still = known or (not sides(place) and (sure or last))
                    good = (sure and soon) or (still and self._is_alike(person, ALIKE if stalled else NOT_UNLIKE))
                marks[index] = mark if good else 0.0
        return int(np.argmax(marks)) if any(marks) else None

    def _is_alone(self, index: int, people: list[Candidate], others: list[Other | None]) -> bool:
        """Return whether nobody stands beside one of `people` except known others that were found in this result."""
        strangers = [
            person.area
            for k, (person, other) in enumerate(zip(people, others, strict=True))
            if k != index and (other is None or not other.known)
        ]
        missed = [other.area for other in self._others.missed([o for k, o in enumerate(others) if k != index])]
        return not any(are_adjacent(people[index].area, area) for area in strangers + missed)

    def _is_other(self, index: int, people: list[Candidate], others: list[Other | None], mark: float) -> bool:
        """Return whether one of `people` may be a known other person, whose mark there is higher than `mark`."""
        elsewhere = [o for k, o in enumerate(others) if o is not None and k != index]
        return any(
            other.known
            and not self._is_rather_subject(people[index], other)
            and (shared := overlap(people[index].area, other.area)) > 0
            and shared + 0.5 * similarity(people[index].appearance, other.appearance) > mark - clearer
            for group, clearer in ((elsewhere, 0.0), (self._others.missed(elsewhere), CLEARER))
            for other in group
        )

    def _reacquired(self, people: list[Candidate], others: list[Other | None], now_ns: int) -> int | None:
        """Return the index of the person who came back to the subject's last place, if that is not in doubt."""
        is_late = now_ns - self.seen_ns > AWAY_NS and not self._is_anywhere
        if self._doubt or self.appearance is None or is_late:
            return None
        here = [k for k, (p, o) in enumerate(zip(people, others, strict=True)) if self._came_here(p, o)]
        if not here:
            return None
        best = max(here, key=lambda k: similarity(people[k].appearance, self.appearance))
        # a person who is clearly somebody else, or a second detection of the same body, is not a rival
        rivals = [k for k in here if k != best and not self._is_stranger(people[k])]
        if any(coverage(people[k].area, people[best].area) < SAME_BODY for k in rivals):
            return None
        return best if self._is_alike(people[best], ALIKE) else None

    def _is_rather_subject(self, person: Candidate, other: Other) -> bool:
        """Return whether a person is similar to the subject in every part, and clearly less similar to `other`, above all in the
        head.

        A result may assign a part of the subject to the person beside it. That person then seems to have been at the subject's
        place, and the subject's next detection would be matched with that person.
        """
        if person.appearance is None or other.appearance is None or self.appearance is None:
            return False
        clearer = part_similarities(person.appearance, self.appearance) - part_similarities(
            person.appearance, other.appearance
        )
        return self._is_alike(person, ALIKE) and bool(clearer[0] >= RATHER and clearer.mean() >= RATHER)

    def _may_be_taken_for_subject(self, other: Other) -> bool:
        """Return whether a person who disappeared was near the subject's place, and may look like the subject.

        A person who disappeared before the subject was last found is no risk: the subject was found without doubt since.
        """
        lost_later = other.seen_ns >= self._seen_watched_ns
        is_near = lost_later and not other.here and self._is_near(other.area)
        return is_near and not (other.known and self._is_stranger(other))

    def may_be_subject(self, person: Candidate | Other) -> bool:
        """Return whether the appearance of a person allows that this is the subject."""
        return self._is_alike(person, NOT_UNLIKE)

    def _is_alike(self, person: Candidate | Other, least: NDArray[np.float32]) -> bool:
        return bool((part_similarities(person.appearance, self.appearance) >= least).all())

    def _came_here(self, person: Candidate, other: Other | None) -> bool:
        if other is not None:
            return other.here
        return self._is_near(person.area)

    def _is_near(self, area: SoftMask) -> bool:
        """Return whether an area is at the place, and not at the other side than the one, where the subject left."""
        if self.place is None:
            return self._is_anywhere
        mine, theirs = sides(self.place), sides(area)
        across = bool(mine and theirs and not mine & theirs)
        return not across and column_distance(area, self.place) <= NEAR_WIDTHS * self._width

    def _record(self, people: list[Candidate], found: int | None, others: list[Other | None], now_ns: int) -> None:
        """Remember where everybody was in a result; `found` is the index of the subject, None if it was not found."""
        if found is not None:
            self._remember(people[found], now_ns)
        took_ns, self._last_result_ns = now_ns - self._last_result_ns, now_ns
        now = [
            Other(
                person.area,
                blended(None if other is None else other.appearance, person.appearance),
                self._watched_ns,
                found is not None or (other is not None and other.known),
                found is None and self._came_here(person, other),
            )
            for k, (person, other) in enumerate(zip(people, others, strict=True))
            if found is None or (k != found and not self._is_found_twice(person, other, people[found]))
        ]
        self._others.remember(now, others)
        self.unresolved = ()
        if found is None and self.chosen:
            here = [person for person in now if person.here and self._is_whole(person, now)]
            # people who stand close may be detected as one, and then the lower half is partly somebody else's
            unsure = any((part_similarities(p.appearance, self.appearance)[:2] < ALIKE[:2]).any() for p in here)
            self._unsure_ns += min(took_ns, LEFT_NS) if unsure else 0
            self._doubt |= self._unsure_ns > UNSURE_NS or any(self._is_stranger(p) for p in here)
            self.unresolved = tuple(
                k for k, p in enumerate(now) if self.is_lost and (not p.known or self._is_alike(p, ALIKE))
            )

    def _is_found_twice(self, person: Candidate, other: Other | None, subject: Candidate) -> bool:
        """Return whether a detection is a second one of the subject: it covers the subject, or it is a similar part of it that was
        not followed as another person."""
        is_part = coverage(person.area, subject.area) >= SAME_BODY and self.may_be_subject(person)
        return (is_part and other is None) or overlap(person.area, subject.area) >= TWICE

    def _is_whole(self, person: Other, people: list[Other]) -> bool:
        """Return whether enough of a person is in view to compare it with the subject."""
        size = cv2.countNonZero(person.area)
        cut = bool(sides(person.area)) or any(p is not person and are_adjacent(p.area, person.area) for p in people)
        return not cut and WHOLE[0] * self._size <= size <= WHOLE[1] * self._size

    def _is_stranger(self, person: Candidate | Other) -> bool:
        """Return whether a person is clearly not the subject, by its appearance."""
        return person.appearance is not None and not self.may_be_subject(person)

    def _remember(self, person: Candidate, now_ns: int) -> None:
        self.place, self._is_anywhere = person.area, False
        self.keep(now_ns)
        if not sides(person.area) or not self._size:
            self._size, self._width = float(cv2.countNonZero(person.area)), float(cv2.boundingRect(person.area)[2])
        self.appearance = blended(self.appearance, person.appearance)
