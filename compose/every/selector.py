"""Choose who stays sharp in a recording, look by look.

The rules are those of the live call (compose/who/subject.py). A recording adds three. A look that misses the subject is forgiven
where another one soon finds it again, at the place to which it has moved. After a cut only the appearance counts, because
another shot has other places. And where the subject is chosen by a point, nobody stays sharp before that moment.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

from common.ipc.messages import MasksInferred
from common.ipc.recording_clock import stamp_s_of
from common.ipc.records import Instance, SelectSubjectAt
from common.vision.arrays import BgrImage, SoftMask
from compose.every.looks import Look, Outcome
from compose.settings import ComposeSettings
from compose.who.appearance import Light
from compose.who.look_maps import LookMaps, maps_of, things_of, union
from compose.who.others import coverage
from compose.who.people import People, people_in
from compose.who.selection import NOBODY_WANTED, SubjectSelector
from compose.who.tracker import SAME_PLACE

FORGIVEN_NS = 1_000_000_000  # the subject may be missed for so long
NOBODY = "nobody is found"
ELSEWHERE = "the person who stays sharp is not found"
UNSURE = "it is not sure who is the person who stays sharp"
TOO_EARLY = "before the moment at which a person is chosen"
NOBODY_THERE = "nobody was found at the chosen point"
LOST_HERE = "the person who stays sharp is lost from here on; somebody else is in the picture"
CAME_BACK = "somebody came who is taken for the person who stays sharp"
NEVER_CHOSEN = "the recording ends before the moment at which a person is chosen"
AFTER_CUT = "another shot: somebody is taken for the person who stays sharp by the looks alone"


class Missed(NamedTuple):
    """A look that did not find the subject, and is not decided yet.

    region: (h, w) uint8, where the subject was propagated to; None or empty if that is not known.
    """

    look: Look
    people: People
    region: SoftMask | None


class RecordingSelector:
    """Follows the subject through a recording.

    Args:
        settings: With the rule, the point and time of a choice by hand, and the least probabilities.
    """

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings = settings
        self._selector, self._light = SubjectSelector(settings.subject, settings.return_, FORGIVEN_NS), Light()
        self._missed: list[Missed] = []  # since the last look that found the subject
        self._found_ns: int | None = None  # captured_ns of that look, None before the first
        self._is_lost = self._is_after_cut = False
        self._waits_for_choice = settings.point is not None

    def is_undecided(self, look: Look) -> bool:
        """Return whether a look missed the subject and may still be forgiven."""
        return any(missed.look is look for missed in self._missed)

    def end(self, last: Look) -> None:
        """Take that no other look comes after `last`: a choice that nobody made is to be checked."""
        if self._waits_for_choice and last.reason == TOO_EARLY:
            last.doubt = NEVER_CHOSEN

    def cut(self) -> None:
        """Take that the next frame is of another shot."""
        self.give_up()
        self._selector.cut()
        self._light, self._is_after_cut = Light(), self._found_ns is not None

    def select(self, result: MasksInferred, least: BgrImage, region: SoftMask | None) -> Look:
        """Take the next look and return what it says.

        Args:
            result: What was found.
            least: The frame on the grid, (h, w, 3) uint8 BGR.
            region: (h, w) uint8, where the subject was propagated to; None or empty if that is not known.
        """
        wh = least.shape[1], least.shape[0]
        people = people_in(result.instances, least, self._light, wh, self._settings)
        if self._waits_for_choice and stamp_s_of(result.captured_ns) < self._settings.at:
            return self._lost(result, people, TOO_EARLY)
        before = copy.deepcopy(self._selector)
        chosen = self._select(people, region, result.captured_ns)
        if not chosen and self._missed and not self._may_be_forgiven(result.captured_ns):
            self._selector = before  # those looks count, and in their order: times of the selector never go back
            self.give_up()
            chosen = self._select(people, region, result.captured_ns)
        if chosen:
            return self._found(result, people, chosen)
        if self._waits_for_choice:
            self._selector = before
            return self._lost(result, people, NOBODY_THERE)
        if self._may_be_forgiven(result.captured_ns):
            self._selector = before
            missed = Missed(self._of_missed(result, people, region), people, region)
            self._missed.append(missed)
            return missed.look
        return self._lost(result, people, self._reason(people))

    def give_up(self) -> None:
        """Decide that the subject was not there since the first look that missed it."""
        missed, self._missed = self._missed, []
        for look, people, region in missed:
            self._select(people, region, look.result.captured_ns)
            lost = self._lost(look.result, people, self._reason(people))
            look.outcome, look.maps, look.reason, look.doubt = lost.outcome, lost.maps, lost.reason, lost.doubt

    def _select(self, people: People, region: SoftMask | None, captured_ns: int) -> list[int]:
        """Return the indices of the people who stay sharp; none while the person at the chosen point is not found."""
        if self._waits_for_choice and self._settings.point is not None:
            self._selector.request(SelectSubjectAt(*self._settings.point))
        chosen = self._selector.select(people.candidates, region, captured_ns)
        if not self._waits_for_choice:
            return chosen
        self._waits_for_choice = self._selector.by_hand_ns == 0
        return [] if self._waits_for_choice else chosen

    def _may_be_forgiven(self, captured_ns: int) -> bool:
        is_recent = self._found_ns is not None and captured_ns - self._found_ns <= FORGIVEN_NS
        return is_recent and not self._is_lost and not self._is_after_cut and not self._selector.shows_everybody

    def _found(self, result: MasksInferred, people: People, chosen: list[int]) -> Look:
        self._light.remember()
        self._missed.clear()
        doubt = AFTER_CUT if self._is_after_cut else CAME_BACK if self._is_lost else ""
        follows = self._settings.subject == "lock"
        self._found_ns, self._is_lost, self._is_after_cut = result.captured_ns, False, False
        subjects = [people.instances[k] for k in chosen]
        mine = union((people.candidates[k].area for k in chosen), people.wh)
        things = things_of(result.instances, subjects, mine, self._settings)
        maps = self._maps(people, subjects, things, people.areas_of_others(chosen, things))
        is_same = self._selector.follows
        return Look(result, Outcome.FOUND, (*subjects, *things), maps, is_same=is_same, doubt=doubt if follows else "")

    def _of_missed(self, result: MasksInferred, people: People, region: SoftMask | None) -> Look:
        """Return a look that may have found the subject, or a part of it, as one of its people or signs: that one is not hidden as
        somebody else."""
        certain = [
            candidate.area
            for candidate in (*people.candidates, *people.signs)
            if region is None
            or max(coverage(region, candidate.area), coverage(candidate.area, region)) < SAME_PLACE
            or not self._selector.may_be_subject(candidate)
        ]
        maps = self._maps(people._replace(signs=[]), [], [], certain)
        return Look(result, Outcome.MISSED, (), maps)

    def _lost(self, result: MasksInferred, people: People, reason: str) -> Look:
        is_new = self._found_ns is not None and not self._is_lost
        doubt = UNSURE if reason == UNSURE else LOST_HERE if is_new and people.instances else ""
        self._is_lost = self._found_ns is not None
        return Look(result, Outcome.LOST, (), self._maps(people, [], [], people.areas), reason=reason, doubt=doubt)

    def _reason(self, people: People) -> str:
        if self._settings.subject == "none":
            return NOBODY_WANTED
        if not people.instances:
            return NOBODY
        return UNSURE if self._selector.question else ELSEWHERE

    def _maps(
        self, people: People, subjects: list[Instance], things: list[Instance], others: list[SoftMask]
    ) -> LookMaps:
        everybody_else = union(others, people.wh)
        return maps_of(subjects, things, everybody_else, people.signs_area, self._settings.threshold, bounds=True)
