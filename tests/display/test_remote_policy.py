from __future__ import annotations

from typing import get_args

import pytest

from common.ipc.messages import STATES, FrameComposed
from common.ipc.records import (
    Command,
    FrameInfo,
    ResetStyle,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
)
from display.remote_policy import AT_CAMERA_ONLY, may_leave_machine, remote_refusal

HIDES: list[Command] = [SetPrivacy(True), SetView(False)]
CHOOSES: list[Command] = [
    SelectSubject(SelectSubject.ONE),
    *(SelectSubject(number, from_right) for number in range(10) for from_right in (False, True)),
    SelectSubjectAt(0.0, 1.0),
]
SHOWS_MORE: list[Command] = [
    SetPrivacy(False), SetView(True), SelectSubject(SelectSubject.EVERYBODY), SetBackground("blur"), SetBackground(""),
    SetBackground("color:000000"), SetBackground("image"), SetHide("people"), SetHide("room"), SetFollow(True), SetFollow(False),
    SetEdge(0.0, 1.0), SetBlur(1.0), ResetStyle(),
]  # fmt: skip


def test_a_viewer_on_another_machine_may_turn_privacy_on_and_choose_the_subject() -> None:
    assert {remote_refusal(command) for command in HIDES + CHOOSES} == {""}


def test_a_viewer_on_another_machine_may_not_give_a_command_that_shows_more() -> None:
    assert {remote_refusal(command) for command in SHOWS_MORE} == {AT_CAMERA_ONLY}


def test_every_kind_of_command_is_tested_here() -> None:
    assert {type(command) for command in HIDES + CHOOSES + SHOWS_MORE} == set(get_args(Command))


@pytest.mark.parametrize("state", STATES)
def test_only_filtered_pictures_leave_the_machine(state: str) -> None:
    message = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 1, 12, 16), 1, state, "", 1.0, True, "m")
    unfiltered = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 1, 12, 16), 1, state, "", 1.0, False, "m")
    assert may_leave_machine(message) is (state not in ("off", "instances"))
    assert not may_leave_machine(unfiltered)
