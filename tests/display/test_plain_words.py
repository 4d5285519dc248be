from __future__ import annotations

from dataclasses import replace

import pytest

from common.ipc.messages import STATES, FrameComposed
from common.ipc.records import FrameInfo, Style
from compose import policy
from compose.who import selection
from display.plain_words import REASONS, TOO_BUSY, in_words, reason_in_words

LIVE = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 1, 12, 16), 1, "live", "", 1.0, True, "m")


def test_what_others_see_is_said_with_what_is_hidden() -> None:
    people = Style(hide="people")
    assert in_words(LIVE) == ("Only you are shown", "Your room and other people are hidden")
    assert in_words(replace(LIVE, style=people)) == ("You and your room are shown", "Other people are hidden")
    assert in_words(replace(LIVE, state="everybody")).detail == "Only the room is hidden"
    assert in_words(replace(LIVE, state="everybody", style=people)).detail == "Nobody is hidden"


@pytest.mark.parametrize("state", STATES)
def test_privacy_off_is_said_whatever_else_is_true(state: str) -> None:
    off = replace(LIVE, state=state, privacy=False)
    assert in_words(off) == ("Privacy is off", "Others see you, your room and everybody in it")
    assert in_words(replace(off, style=Style(hide="people"))).title == "Privacy is off"


@pytest.mark.parametrize("state", ["starting", "hidden"])
def test_who_is_hidden_is_told_why(state: str) -> None:
    words = in_words(replace(LIVE, state=state, reason="not sure that this is you"))
    assert words == ("You are hidden", "It is not certain that this is you")


def test_every_reason_of_compose_has_plain_words() -> None:
    reasons = {
        policy.NO_MASK_YET, policy.NO_FRAME, selection.NOBODY_FOUND, selection.NOBODY_WANTED, selection.NOBODY_YET,
        selection.NOT_HERE, selection.NOT_SURE,
    }  # fmt: skip
    assert reasons <= REASONS.keys()
    assert reason_in_words("mask older than 750 ms") == TOO_BUSY


def test_another_reason_is_said_as_it_is() -> None:
    assert reason_in_words("the camera was unplugged") == "The camera was unplugged"
    assert reason_in_words("") == ""
