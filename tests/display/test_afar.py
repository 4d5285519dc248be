from __future__ import annotations

from typing import get_args

import pytest

from common.ipc.messages import STATES, FrameComposed
from common.ipc.records import Command, FrameInfo, SelectSubject, SelectSubjectAt, SetBackground, SetPrivacy, SetView
from display.afar import HERE_ONLY, may_see, why_refused

HIDES: list[Command] = [SetPrivacy(True), SetView(False)]
CHOOSES: list[Command] = [
    SelectSubject(SelectSubject.ONE),
    *(SelectSubject(number) for number in range(10)),
    SelectSubjectAt(0.0, 1.0),
]
SHOWS_MORE: list[Command] = [
    SetPrivacy(False), SetView(True), SelectSubject(SelectSubject.EVERYBODY), SetBackground("blur"), SetBackground(""),
    SetBackground("color:000000"),
]  # fmt: skip


def test_whoever_is_elsewhere_may_hide_and_choose() -> None:
    assert {why_refused(wanted) for wanted in HIDES + CHOOSES} == {""}


def test_nothing_that_shows_more_is_asked_from_elsewhere() -> None:
    assert {why_refused(wanted) for wanted in SHOWS_MORE} == {HERE_ONLY}


def test_every_kind_of_wish_was_thought_of() -> None:
    assert {type(wanted) for wanted in HIDES + CHOOSES + SHOWS_MORE} == set(get_args(Command))


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_filtered_leaves(state: str) -> None:
    message = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 1, 12, 16), 1, state, "", 1.0, True, "m")
    unfiltered = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 1, 12, 16), 1, state, "", 1.0, False, "m")
    assert may_see(message) is (state not in ("off", "instances"))
    assert not may_see(unfiltered)
