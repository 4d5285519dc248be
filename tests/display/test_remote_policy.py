from __future__ import annotations

from typing import get_args

import pytest

from common.ipc.messages import (
    STATES,
    Command,
    FrameComposed,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetPrivacy,
    SetView,
)
from display.remote_policy import AT_CAMERA_ONLY, may_leave_machine, remote_refusal

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
    assert {remote_refusal(command) for command in HIDES + CHOOSES} == {""}


def test_nothing_that_shows_more_is_asked_from_elsewhere() -> None:
    assert {remote_refusal(command) for command in SHOWS_MORE} == {AT_CAMERA_ONLY}


def test_every_kind_of_wish_was_thought_of() -> None:
    assert {type(command) for command in HIDES + CHOOSES + SHOWS_MORE} == set(get_args(Command))


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_filtered_leaves(state: str) -> None:
    message = FrameComposed(1, 1, 1, 1, "s", 1, 12, 16, 1, state, "", 1.0, True, "m")
    unfiltered = FrameComposed(1, 1, 1, 1, "s", 1, 12, 16, 1, state, "", 1.0, False, "m")
    assert may_leave_machine(message) is (state not in ("off", "instances"))
    assert not may_leave_machine(unfiltered)
