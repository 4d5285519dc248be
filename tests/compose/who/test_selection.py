from __future__ import annotations

import pytest

from common.ipc.records import SelectSubject, SelectSubjectAt
from common.vision.arrays import SoftMask
from compose.who.others import Candidate
from compose.who.selection import NOBODY_FOUND, NOBODY_YET, NOT_HERE, NOT_SURE, QUESTION, Chooser
from tests.compose.who.test_subject import GONE, ME, OTHER, SECOND, TWIN, block

MINE, THEIRS = Candidate(block(20), ME, 0.9), Candidate(block(110), OTHER, 0.8)
EVERYBODY, ONE = SelectSubject(SelectSubject.EVERYBODY), SelectSubject(SelectSubject.ONE)
LATER = 2 * SECOND


def looked_for(chooser: Chooser, people: list[Candidate], region: SoftMask = GONE) -> list[int]:
    """What comes of the last of three results, half a second apart: time enough for the subject to have left."""
    for number in (1, 2, 3):
        found = chooser.pick(people, region, number * SECOND // 2)
    return found


@pytest.mark.parametrize(("rule", "chosen"), [("lock", [0]), ("top", [0]), ("all", [0, 1])])
def test_who_stays_sharp_by_rule(rule: str, chosen: list[int]) -> None:
    chooser = Chooser(rule, "auto")
    assert chooser.pick([MINE, THEIRS], None, 0) == chosen
    assert chooser.pick([], None, 1) == []


@pytest.mark.parametrize("rule", ["lock", "top", "all"])
def test_a_choice_by_hand_locks_whatever_the_rule_was(rule: str) -> None:
    chooser = Chooser(rule, "auto")
    chooser.pick([MINE, THEIRS], None, 0)
    chooser.ask(SelectSubject(2))
    assert chooser.pick([MINE, THEIRS], None, 7) == [1]
    assert chooser.by_hand_ns == 7
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 8) == [1]


def test_a_choice_waits_for_people_and_is_made_once() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(SelectSubject(2))
    assert chooser.pick([], None, 0) == []
    assert chooser.pick([MINE, THEIRS], None, 1) == [1]
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 2) == [1]


def test_pointing_beside_everybody_changes_nothing() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(SelectSubjectAt(0.75, 0.5))
    assert chooser.pick([MINE, THEIRS], None, 0) == [1]
    chooser.ask(SelectSubjectAt(0.5, 0.05))
    assert chooser.pick([MINE, THEIRS], THEIRS.area, 1) == [1]


def test_a_choice_says_whether_it_follows_the_one_before() -> None:
    chooser = Chooser("lock", "auto")

    def follows(*asked: SelectSubject) -> bool:
        for each in asked:
            chooser.ask(each)
        chooser.pick([MINE, THEIRS], MINE.area, 1)
        return chooser.follows

    assert [follows(), follows()] == [False, True]
    assert [follows(EVERYBODY), follows(), follows(ONE), follows()] == [False, False, False, True]
    assert [follows(SelectSubject(2)), follows()] == [False, True]


def test_everybody_and_back_to_the_one() -> None:
    chooser = Chooser("lock", "auto")
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]
    chooser.ask(EVERYBODY)
    assert chooser.pick([MINE, THEIRS], MINE.area, 1) == [0, 1]
    chooser.ask(ONE)
    assert chooser.pick([THEIRS, MINE], MINE.area, 2) == [1]


def test_after_everybody_was_shown_nobody_takes_the_place_of_the_subject_who_left_meanwhile() -> None:
    """The region was that of everybody: a person in it with colours not unlike the subject's passed for the subject."""
    chooser, alike = Chooser("lock", "auto"), Candidate(block(65), ME, 0.9)
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]
    chooser.ask(EVERYBODY)
    assert chooser.pick([MINE, THEIRS], MINE.area, 1) == [0, 1]
    assert looked_for(chooser, [alike], MINE.area | THEIRS.area) == [0]
    chooser.ask(ONE)
    assert chooser.pick([alike], alike.area, LATER) == []
    assert chooser.question == QUESTION


def test_the_subject_is_followed_while_everybody_is_shown() -> None:
    chooser, second = Chooser("lock", "auto"), 1_000_000_000
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]
    chooser.ask(EVERYBODY)
    at = [Candidate(block(20 + x), ME, 0.7) for x in range(0, 60, 6)]
    for number, me in enumerate(at):
        assert chooser.pick([THEIRS, me], me.area | THEIRS.area, number * second // 5) == [0, 1]
    chooser.ask(ONE)
    assert chooser.pick([THEIRS, at[-1]], at[-1].area | THEIRS.area, 2 * second) == [1]


def test_two_displays_that_ask_the_same_agree() -> None:
    """The wish was a toggle: two who wanted one person again left everybody shown."""
    for rule in ("lock", "top"):
        chooser = Chooser(rule, "auto")
        for _ in range(2):
            chooser.ask(EVERYBODY)
            assert chooser.pick([MINE, THEIRS], None, 0) == [0, 1]
        for _ in range(2):
            chooser.ask(ONE)
            assert chooser.pick([MINE, THEIRS], None, 1) == [0]
    chooser = Chooser("top", "auto")
    chooser.ask(ONE)
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]
    assert chooser.pick([THEIRS, MINE], None, 1) == [0], "the rule stays, which shows one person already"


def test_where_nobody_is_found_it_is_said_that_everybody_would_be_shown() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(EVERYBODY)
    assert chooser.pick([], None, 0) == []
    assert chooser.why_nobody(0) == NOBODY_YET
    chooser.ask(ONE)
    assert chooser.why_nobody(0) == NOBODY_FOUND


def test_another_stream_forgets_what_was_chosen_by_hand() -> None:
    chooser = Chooser("lock", "auto")
    chooser.ask(EVERYBODY)
    chooser.clear()
    assert chooser.pick([MINE, THEIRS], None, 0) == [0]


@pytest.mark.parametrize("returns", ["auto", "ask"])
def test_why_nobody_is_shown_is_said_and_asked_where_somebody_may_be_the_user(returns: str) -> None:
    chooser = Chooser("lock", returns)
    assert (chooser.why_nobody(0), chooser.question) == (NOBODY_FOUND, "")
    chooser.pick([MINE, THEIRS], None, 0)
    assert chooser.pick([THEIRS], GONE, 1) == []
    assert (chooser.why_nobody(1), chooser.question) == (NOT_HERE, "")
    assert looked_for(chooser, [THEIRS]) == []
    assert (chooser.why_nobody(1), chooser.question) == (NOT_HERE, ""), "that this one is not the user is known"
    assert chooser.pick([THEIRS, Candidate(block(22), TWIN)], GONE, LATER) == []
    assert (chooser.why_nobody(2), chooser.question) == (NOT_SURE, QUESTION)


def test_next_takes_the_one_whom_the_question_is_about() -> None:
    """The bystander, who stands farther to the left, was taken instead."""
    left = Candidate(block(5), OTHER, 0.7)
    chooser = Chooser("lock", "ask")
    chooser.pick([Candidate(block(60), ME, 0.9), left], None, 0)
    looked_for(chooser, [left])
    back = [left, Candidate(block(62), ME)]
    assert chooser.pick(back, GONE, LATER) == []
    assert chooser.question == QUESTION
    chooser.ask(SelectSubject(SelectSubject.NEXT))
    assert chooser.pick(back, GONE, LATER + 1) == [1]
    assert chooser.question == ""


def test_everybody_is_asked_about_nobody() -> None:
    chooser = Chooser("lock", "auto")
    chooser.pick([MINE], None, 0)
    looked_for(chooser, [Candidate(block(22), TWIN)])
    assert chooser.question == QUESTION
    chooser.ask(EVERYBODY)
    chooser.pick([THEIRS], GONE, LATER)
    assert chooser.question == ""
