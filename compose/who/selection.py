"""Select the people of one result who stay sharp: by rule, by following one person, or by hand. Pure."""

from __future__ import annotations

import logging
from typing import NamedTuple

import cv2

from common.ipc.records import Instance, SelectSubject, SelectSubjectAt
from common.vision.arrays import SoftMask
from compose.who.others import Candidate
from compose.who.subject import SubjectTracker, by_number, by_place

NOBODY_FOUND = "nobody found"
NOBODY_WANTED = "nobody stays sharp, by setting"
NOBODY_YET = "nobody found; everybody who comes is shown"
NOT_HERE = "you are not in the picture"
NOT_SURE = "not sure that this is you"
# for so long after a subject is chosen somebody may be behind it whom no result has found. The demo's bystander, who crosses the picture
# in 7 s, is half hidden or not to be seen for nearly as long
NEW_NS = 2_000_000_000
QUESTION = "is this you? press n or click"

log = logging.getLogger("onlyme")


class Selection(NamedTuple):
    """The instances of a result that stay sharp.

    reason: Why there are none, "" if there are some.
    question: What the user is asked about the people who were found, "" for nothing.
    everybody: Every person stays sharp, because the user asked for that.
    """

    subjects: tuple[Instance, ...]
    reason: str = ""
    question: str = ""
    everybody: bool = False


class SubjectSelector:
    """Selects the subject among the people of each result.

    Args:
        rule: "lock" follows one person, "top" takes the person with the highest score, "all" takes everybody, "none" nobody.
        reacquire: See SubjectTracker.
        known_ns: A subject whom results find again after a longer time is as new as another one: nobody knows who went behind it.
    """

    def __init__(self, rule: str, reacquire: str, known_ns: int) -> None:
        self._start = self._rule = rule
        self._reacquire, self._known_ns = reacquire, known_ns
        self._tracker = SubjectTracker(reacquire)
        self._requested: SelectSubject | SelectSubjectAt | None = None
        self._was_one = False  # the last result showed nobody but the subject, so the region is the subject's
        self.by_hand_ns = 0  # time of the frame in which somebody was last chosen by hand
        self.follows = False  # the last result selected the same person as the one before
        # time of the frame in which another subject than before was selected, or the same one after long; by the rule "top", which
        # follows nobody, that is every frame
        self._chosen_ns = 0
        self._found_ns = 0  # time of the frame of the last result that found the subject
        self.is_new = False  # that was so recently that somebody may have been behind the subject since before

    def clear(self) -> None:
        """Forget the subject and all requests: another epoch begins."""
        self._rule, self._requested, self.by_hand_ns = self._start, None, 0
        self._tracker, self._was_one = SubjectTracker(self._reacquire), False

    def cut(self) -> None:
        """Take that the next result is of another shot of a recording, in which everybody may be anywhere."""
        self._tracker.cut()
        self._was_one = False

    @property
    def shows_everybody(self) -> bool:
        """Whether every person stays sharp, by setting or by hand."""
        return self._rule == "all"

    @property
    def has_request(self) -> bool:
        """Whether somebody chose by hand, and no result has come since."""
        return self._requested is not None

    def request(self, requested: SelectSubject | SelectSubjectAt) -> None:
        """Choose the subject by hand, among the people of the next result."""
        self._requested = None
        if requested == SelectSubject(SelectSubject.EVERYBODY):
            self._rule = "all"
            log.info("the subject was chosen by hand: everybody")
        elif requested != SelectSubject(SelectSubject.ONE):
            self._requested = requested
        elif self.shows_everybody:
            self._rule = "lock"
            log.info("the subject was chosen by hand: one person")

    def select(
        self, people: list[Candidate], region: SoftMask | None, now_ns: int, *, is_unchanged: bool = False
    ) -> list[int]:
        """Return the indices of the people who stay sharp.

        The arguments are those of `SubjectTracker.match`; `people` are sorted by score, highest first.
        """
        found, by_lock = None, self._rule == "lock"
        self.follows = by_lock and self._was_one and self._tracker.chosen
        if by_lock or (self.shows_everybody and self._tracker.chosen):
            # the subject is followed while everybody is shown, so that nobody else passes for the subject afterwards
            found = self._tracker.match(people, region if self._was_one else None, now_ns, is_unchanged=is_unchanged)
        if people and (asked := self._pointed(people, found if by_lock else None)) is not None:
            self._tracker.assign(people, asked, now_ns)
            self._rule, self.by_hand_ns, found, self.follows = "lock", now_ns, asked, False
            log.info("the subject was chosen by hand")
        self._requested = None if people else self._requested
        self._was_one = self._rule == "lock"
        if not self.follows or (found is not None and now_ns - self._found_ns > self._known_ns):
            self._chosen_ns = now_ns
        self._found_ns = self._found_ns if found is None else now_ns
        self.is_new = not self.shows_everybody and now_ns - self._chosen_ns < NEW_NS
        if self._rule == "lock":
            return [] if found is None else [found]
        if self._rule == "none":
            return []
        return list(range(len(people))) if self._rule == "all" else [0][: len(people)]

    def may_be_subject(self, person: Candidate) -> bool:
        """Return whether a person may be the subject, by its appearance."""
        return self._tracker.may_be_subject(person)

    def keep(self, now_ns: int) -> None:
        """Take a result that did not find the subject, whose area is held: it does not count as missed."""
        self._tracker.keep(now_ns)

    def no_subject_reason(self, people: int) -> str:
        """Return why none of `people` people stays sharp."""
        if self._rule == "none":
            return NOBODY_WANTED
        if not people:
            return NOBODY_YET if self.shows_everybody else NOBODY_FOUND
        return NOT_SURE if self._tracker.unresolved else NOT_HERE

    @property
    def question(self) -> str:
        """What to ask the user about the people of the last result, "" for nothing."""
        return QUESTION if self._rule == "lock" and self._tracker.unresolved else ""

    def _pointed(self, people: list[Candidate], present: int | None) -> int | None:
        """Return the index of the person who was chosen by hand, None if nobody was."""
        asked = self._requested
        if asked is None:
            return None
        if isinstance(asked, SelectSubject):
            boxes = [cv2.boundingRect(p.area) for p in people]
            lefts = [-x - width if asked.from_right else x for x, _, width, _ in boxes]
            if asked.number == SelectSubject.NEXT and present is None and self.question:
                # the question was about this person
                return min(self._tracker.unresolved, key=lambda index: lefts[index])
            return by_number(asked.number, lefts, present)
        found = by_place(asked.x, asked.y, [p.area for p in people])
        if found is None:
            log.info("a click chose nobody: no person was found there")
        return found
