from __future__ import annotations

import pytest

from common.ipc.records import SelectSubject, SelectSubjectAt
from common.vision.arrays import SoftMask
from compose.who.others import Candidate
from compose.who.selection import NEW_NS, NOBODY_FOUND, NOBODY_YET, NOT_HERE, NOT_SURE, QUESTION, SubjectSelector
from tests.compose.who.test_subject import GONE, ME, OTHER, SECOND, TWIN, block

MINE, THEIRS = Candidate(block(20), ME, 0.9), Candidate(block(110), OTHER, 0.8)
EVERYBODY, ONE = SelectSubject(SelectSubject.EVERYBODY), SelectSubject(SelectSubject.ONE)
LATER = 2 * SECOND
KNOWN_NS = 2 * SECOND


def looked_for(selector: SubjectSelector, people: list[Candidate], region: SoftMask = GONE) -> list[int]:
    """What comes of the last of three results, half a second apart: time enough for the subject to have left."""
    for number in (1, 2, 3):
        found = selector.select(people, region, number * SECOND // 2)
    return found


@pytest.mark.parametrize(("rule", "chosen"), [("lock", [0]), ("top", [0]), ("all", [0, 1])])
def test_who_stays_sharp_by_rule(rule: str, chosen: list[int]) -> None:
    selector = SubjectSelector(rule, "auto", KNOWN_NS)
    assert selector.select([MINE, THEIRS], None, 0) == chosen
    assert selector.select([], None, 1) == []


@pytest.mark.parametrize("rule", ["lock", "top", "all"])
def test_a_choice_by_hand_locks_whatever_the_rule_was(rule: str) -> None:
    selector = SubjectSelector(rule, "auto", KNOWN_NS)
    selector.select([MINE, THEIRS], None, 0)
    selector.request(SelectSubject(2))
    assert selector.select([MINE, THEIRS], None, 7) == [1]
    assert selector.by_hand_ns == 7
    assert selector.select([MINE, THEIRS], THEIRS.area, 8) == [1]


@pytest.mark.parametrize(("number", "from_right", "chosen"), [(1, False, 0), (1, True, 1), (2, True, 0), (2, False, 1)])
def test_a_mirrored_viewer_counts_people_from_the_right(number: int, from_right: bool, chosen: int) -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.select([MINE, THEIRS], None, 0)
    selector.request(SelectSubject(number, from_right))
    assert selector.select([MINE, THEIRS], None, 7) == [chosen]


def test_a_choice_waits_for_people_and_is_made_once() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.request(SelectSubject(2))
    assert selector.select([], None, 0) == []
    assert selector.select([MINE, THEIRS], None, 1) == [1]
    assert selector.select([MINE, THEIRS], THEIRS.area, 2) == [1]


def test_pointing_beside_everybody_changes_nothing() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.request(SelectSubjectAt(0.75, 0.5))
    assert selector.select([MINE, THEIRS], None, 0) == [1]
    selector.request(SelectSubjectAt(0.5, 0.05))
    assert selector.select([MINE, THEIRS], THEIRS.area, 1) == [1]


def test_a_choice_says_whether_it_follows_the_one_before() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)

    def follows(*asked: SelectSubject) -> bool:
        for each in asked:
            selector.request(each)
        selector.select([MINE, THEIRS], MINE.area, 1)
        return selector.follows

    assert [follows(), follows()] == [False, True]
    assert [follows(EVERYBODY), follows(), follows(ONE), follows()] == [False, False, False, True]
    assert [follows(SelectSubject(2)), follows()] == [False, True]


def test_a_subject_is_new_for_a_while_and_so_is_one_that_is_chosen_by_hand() -> None:
    selector, found = SubjectSelector("lock", "auto", KNOWN_NS), []
    for now_ns, people in ((0, []), (NEW_NS, [MINE]), (2 * NEW_NS - 1, [MINE]), (2 * NEW_NS, [MINE, THEIRS])):
        selector.select(people, MINE.area, now_ns)
        found.append(selector.is_new)
    assert found == [True, True, True, False]
    selector.request(SelectSubject(SelectSubject.NEXT))
    assert selector.select([MINE, THEIRS], MINE.area, 2 * NEW_NS + 1) == [1]
    assert selector.is_new


@pytest.mark.parametrize("is_looked_for", [True, False])
def test_a_subject_whom_no_result_found_for_long_is_new_again(is_looked_for: bool) -> None:
    """A worker that was restarted, or looks that missed the subject: meanwhile somebody may have gone behind it."""
    for pause_ns, is_new in ((KNOWN_NS, False), (KNOWN_NS + 1, True)):
        selector = SubjectSelector("lock", "auto", KNOWN_NS)
        for now_ns in (0, NEW_NS):
            assert selector.select([MINE], MINE.area, now_ns) == [0]
        assert not selector.is_new
        if is_looked_for:
            selector.select([], GONE, NEW_NS + pause_ns // 2)
        assert selector.select([MINE], MINE.area, NEW_NS + pause_ns) == [0]
        assert selector.is_new is is_new


def test_nobody_is_followed_before_somebody_was_recognised() -> None:
    """The first result's people were too small, or compose had skipped its frame: the next one may choose somebody else."""
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    unknown = MINE._replace(appearance=None)
    assert selector.select([unknown], None, 0) == [0]
    assert selector.select([unknown._replace(score=0.1), THEIRS], MINE.area, 1) == [1]
    assert not selector.follows
    assert selector.select([THEIRS], THEIRS.area, 2) == [0]
    assert selector.follows


def test_where_everybody_is_shown_nobody_is_hidden_behind_a_new_subject() -> None:
    selector = SubjectSelector("all", "auto", KNOWN_NS)
    selector.select([MINE], None, 0)
    assert not selector.is_new


def test_everybody_and_back_to_the_one() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    assert selector.select([MINE, THEIRS], None, 0) == [0]
    selector.request(EVERYBODY)
    assert selector.select([MINE, THEIRS], MINE.area, 1) == [0, 1]
    selector.request(ONE)
    assert selector.select([THEIRS, MINE], MINE.area, 2) == [1]


def test_after_everybody_was_shown_nobody_takes_the_place_of_the_subject_who_left_meanwhile() -> None:
    """The region was that of everybody: a person in it with colours not unlike the subject's passed for the subject."""
    selector, alike = SubjectSelector("lock", "auto", KNOWN_NS), Candidate(block(65), ME, 0.9)
    assert selector.select([MINE, THEIRS], None, 0) == [0]
    selector.request(EVERYBODY)
    assert selector.select([MINE, THEIRS], MINE.area, 1) == [0, 1]
    assert looked_for(selector, [alike], MINE.area | THEIRS.area) == [0]
    selector.request(ONE)
    assert selector.select([alike], alike.area, LATER) == []
    assert selector.question == QUESTION


def test_the_subject_is_followed_while_everybody_is_shown() -> None:
    selector, second = SubjectSelector("lock", "auto", KNOWN_NS), 1_000_000_000
    assert selector.select([MINE, THEIRS], None, 0) == [0]
    selector.request(EVERYBODY)
    at = [Candidate(block(20 + x), ME, 0.7) for x in range(0, 60, 6)]
    for number, me in enumerate(at):
        assert selector.select([THEIRS, me], me.area | THEIRS.area, number * second // 5) == [0, 1]
    selector.request(ONE)
    assert selector.select([THEIRS, at[-1]], at[-1].area | THEIRS.area, 2 * second) == [1]


def test_two_displays_that_ask_the_same_agree() -> None:
    """The command was a toggle: two who wanted one person again left everybody shown."""
    for rule in ("lock", "top"):
        selector = SubjectSelector(rule, "auto", KNOWN_NS)
        for _ in range(2):
            selector.request(EVERYBODY)
            assert selector.select([MINE, THEIRS], None, 0) == [0, 1]
        for _ in range(2):
            selector.request(ONE)
            assert selector.select([MINE, THEIRS], None, 1) == [0]
    selector = SubjectSelector("top", "auto", KNOWN_NS)
    selector.request(ONE)
    assert selector.select([MINE, THEIRS], None, 0) == [0]
    assert selector.select([THEIRS, MINE], None, 1) == [0], "the rule stays, which shows one person already"


def test_where_nobody_is_found_it_is_said_that_everybody_would_be_shown() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.request(EVERYBODY)
    assert selector.select([], None, 0) == []
    assert selector.no_subject_reason(0) == NOBODY_YET
    selector.request(ONE)
    assert selector.no_subject_reason(0) == NOBODY_FOUND


def test_another_epoch_forgets_what_was_chosen_by_hand() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.request(EVERYBODY)
    selector.clear()
    assert selector.select([MINE, THEIRS], None, 0) == [0]


@pytest.mark.parametrize("returns", ["auto", "ask"])
def test_why_nobody_is_shown_is_said_and_asked_where_somebody_may_be_the_user(returns: str) -> None:
    selector = SubjectSelector("lock", returns, KNOWN_NS)
    assert (selector.no_subject_reason(0), selector.question) == (NOBODY_FOUND, "")
    selector.select([MINE, THEIRS], None, 0)
    assert selector.select([THEIRS], GONE, 1) == []
    assert (selector.no_subject_reason(1), selector.question) == (NOT_HERE, "")
    assert looked_for(selector, [THEIRS]) == []
    assert (selector.no_subject_reason(1), selector.question) == (NOT_HERE, ""), (
        "that this one is not the user is known"
    )
    assert selector.select([THEIRS, Candidate(block(22), TWIN)], GONE, LATER) == []
    assert (selector.no_subject_reason(2), selector.question) == (NOT_SURE, QUESTION)


def test_next_takes_the_one_whom_the_question_is_about() -> None:
    """The bystander, who stands farther to the left, was taken instead."""
    left = Candidate(block(5), OTHER, 0.7)
    selector = SubjectSelector("lock", "ask", KNOWN_NS)
    selector.select([Candidate(block(60), ME, 0.9), left], None, 0)
    looked_for(selector, [left])
    back = [left, Candidate(block(62), ME)]
    assert selector.select(back, GONE, LATER) == []
    assert selector.question == QUESTION
    selector.request(SelectSubject(SelectSubject.NEXT))
    assert selector.select(back, GONE, LATER + 1) == [1]
    assert selector.question == ""


def test_everybody_is_asked_about_nobody() -> None:
    selector = SubjectSelector("lock", "auto", KNOWN_NS)
    selector.select([MINE], None, 0)
    looked_for(selector, [Candidate(block(22), TWIN)])
    assert selector.question == QUESTION
    selector.request(EVERYBODY)
    selector.select([THEIRS], GONE, LATER)
    assert selector.question == ""
