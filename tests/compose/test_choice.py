from __future__ import annotations

import pytest

from common.messages import SubjectAsked, SubjectPointed
from compose.choice import NOBODY_FOUND, Chooser
from compose.subject import LEFT_NS, Candidate
from tests.compose.test_subject import GONE, ME, OTHER, block

MINE, THEIRS = Candidate(block(20), ME, 0.9), Candidate(block(110), OTHER, 0.8)
EVERYBODY = SubjectAsked(SubjectAsked.EVERYBODY)


@pytest.mark.parametrize(("rule", "chosen"), [("lock", [0]), ("top", [0]), ("all", [0, 1])])
def test_who_stays_sharp_by_rule(rule: str, chosen: list[int]) -> None:
    chooser = Chooser(rule, "auto")
    assert chooser.pick([MINE, THEIRS], None, 0) == chosen
    assert chooser.pick([], None, 1) == []


@pytest.mark.parametrize("rule", ["lock", "top", "all"])
def test_a_choice_by_hand_locks_whatever_the_rule_was(rule: str) -> None:
    chooser = Chooser(rule, "auto")
    chooser.pick([MINE, THEIRS], None, 0)
    chooser.ask(SubjectAsked(2))
    assert chooser.pick([MINE, THEIRS], None, 7) == [1]
    assert chooser.by_hand_ns == 7
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 8) == [1]


def test_a_choice_waits_for_people_and_is_made_once() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(SubjectAsked(2))
    assert chooser.pick([], None, 0) == []
    assert chooser.pick([MINE, THEIRS], None, 1) == [1]
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 2) == [1]


def test_pointing_beside_everybody_changes_nothing() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(SubjectPointed(0.75, 0.5))
    assert chooser.pick([MINE, THEIRS], None, 0) == [1]
    chooser.ask(SubjectPointed(0.5, 0.05))
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 1) == [1]


def test_everybody_and_back_to_the_one() -> None:
    chooser = Chooser("lock", "auto")
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]
    chooser.ask(EVERYBODY)
    assert chooser.pick([MINE, THEIRS], MINE.area, 1) == [0, 1]
    chooser.ask(EVERYBODY)
    assert chooser.pick([THEIRS, MINE], MINE.area, 2) == [1]


def test_another_stream_forgets_what_was_chosen_by_hand() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(EVERYBODY)
    chooser.clear()
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]


def test_why_nobody_is_shown_is_said() -> None:
    chooser = Chooser("lock", "ask")
    assert chooser.why_nobody(0) == NOBODY_FOUND
    chooser.pick([MINE], None, 0)
    assert chooser.pick([THEIRS], GONE, 1) == []
    assert chooser.why_nobody(1) == "the subject is none of the 1 found"
    chooser.pick([MINE], GONE, LEFT_NS + 1)
    assert "click chooses" in chooser.why_nobody(1)
