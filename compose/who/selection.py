"""Who of one result stays sharp: by rule, by lock, or by hand. Pure."""

from __future__ import annotations

import logging
from typing import NamedTuple

import cv2

from common.ipc.records import Instance, SelectSubject, SelectSubjectAt
from common.vision.arrays import SoftMask
from compose.who.others import Candidate
from compose.who.subject import SubjectLock, by_number, by_place

NOBODY_FOUND = "nobody found"
NOBODY_YET = "nobody found; everybody who comes is shown"
NOT_HERE = "you are not in the picture"
NOT_SURE = "not sure that this is you"
QUESTION = "is this you? press n or click"

log = logging.getLogger("onlyme")


class Choice(NamedTuple):
    """Instances of a result that stay sharp; where there are none, why.

    question: What the user is asked about the people who were found, "" for nothing.
    everybody: Every person stays sharp, because the user asked for that.
    """

    subjects: tuple[Instance, ...]
    reason: str = ""
    question: str = ""
    everybody: bool = False


class Chooser:
    """Picks the subject among the people of each result.

    Args:
        rule: "lock": one person, followed; "top": the surest of each result; "all": everybody.
        returns: See SubjectLock.
    """

    def __init__(self, rule: str, returns: str) -> None:
        self._start = self._rule = rule
        self._returns = returns
        self._lock = SubjectLock(returns)
        self._asked: SelectSubject | SelectSubjectAt | None = None
        self._was_one = (
            False  # the last result showed the subject at most: the region carried on from it is the subject's
        )
        self.by_hand_ns = 0  # time of the frame in which somebody was last chosen by hand
        self.follows = False  # whoever the last result picked is who the one before picked

    def clear(self) -> None:
        """Another stream: choose anew."""
        self._rule, self._asked, self.by_hand_ns = self._start, None, 0
        self._lock, self._was_one = SubjectLock(self._returns), False

    @property
    def shows_everybody(self) -> bool:
        """Whether every person stays sharp, by setting or by hand."""
        return self._rule == "all"

    @property
    def is_asked(self) -> bool:
        """Whether somebody chose by hand and the next result is waited for."""
        return self._asked is not None

    def ask(self, asked: SelectSubject | SelectSubjectAt) -> None:
        """Somebody chose by hand, among the people of the next result."""
        self._asked = None
        if asked == SelectSubject(SelectSubject.EVERYBODY):
            self._rule = "all"
            log.info("the subject was chosen by hand: everybody")
        elif asked != SelectSubject(SelectSubject.ONE):
            self._asked = asked
        elif self.shows_everybody:
            self._rule = "lock"
            log.info("the subject was chosen by hand: one person")

    def pick(
        self, people: list[Candidate], region: SoftMask | None, now_ns: int, *, is_steady: bool = False
    ) -> list[int]:
        """Indices of who stays sharp; arguments as of `SubjectLock.follow`, `people` the surest first."""
        found, by_lock = None, self._rule == "lock"
        self.follows = by_lock and self._was_one
        if by_lock or (self.shows_everybody and self._lock.chosen):
            # the subject is followed while everybody is shown, so that nobody else passes for the subject afterwards
            found = self._lock.follow(people, region if self._was_one else None, now_ns, is_steady=is_steady)
        if people and (asked := self._pointed(people, found if by_lock else None)) is not None:
            self._lock.take(people, asked, now_ns)
            self._rule, self.by_hand_ns, found, self.follows = "lock", now_ns, asked, False
            log.info("the subject was chosen by hand")
        self._asked = None if people else self._asked
        self._was_one = self._rule == "lock"
        if self._rule == "lock":
            return [] if found is None else [found]
        return list(range(len(people))) if self._rule == "all" else [0][: len(people)]

    def may_be(self, person: Candidate) -> bool:
        """Whether this may be the subject, by its look."""
        return self._lock.may_be(person)

    def keep(self, now_ns: int) -> None:
        """A result picked nobody, but the subject's area goes on: it is not missed yet."""
        self._lock.keep(now_ns)

    def why_nobody(self, people: int) -> str:
        """Why none of so many people stays sharp."""
        if not people:
            return NOBODY_YET if self.shows_everybody else NOBODY_FOUND
        return NOT_SURE if self._lock.asked else NOT_HERE

    @property
    def question(self) -> str:
        """What to ask the user about the people of the last result, "" for nothing."""
        return QUESTION if self._rule == "lock" and self._lock.asked else ""

    def _pointed(self, people: list[Candidate], present: int | None) -> int | None:
        """Index of the person who was chosen by hand, None where nobody was."""
        asked = self._asked
        if asked is None:
            return None
        if isinstance(asked, SelectSubject):
            lefts = [cv2.boundingRect(p.area)[0] for p in people]
            if asked.number == SelectSubject.NEXT and present is None and self.question:
                return min(self._lock.asked, key=lambda index: lefts[index])  # the question was about this one
            return by_number(asked.number, lefts, present)
        found = by_place(asked.x, asked.y, [p.area for p in people])
        if found is None:
            log.info("nobody was found where somebody pointed")
        return found
