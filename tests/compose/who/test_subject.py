from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import Instance
from compose.who.appearance import alike, alike_parts, look_of
from compose.who.others import NOT_UNLIKE, Candidate, overlap, sides
from compose.who.subject import (
    ALIKE,
    ALONE_NS,
    AWAY_NS,
    LEFT_NS,
    UNSURE_NS,
    SubjectLock,
    by_number,
    by_place,
    people_of,
)

H, W = 90, 160
RED, BLUE = (40, 40, 220), (220, 60, 30)


def block(x: int, y: int = 20, w: int = 30, h: int = 60) -> np.ndarray:
    area = np.zeros((H, W), np.uint8)
    area[y : y + h, max(x, 0) : x + w] = 255
    return area


def look(colour: tuple[int, int, int], head: tuple[int, int, int] | None = None) -> np.ndarray:
    """Of somebody in one colour, but for the first quarter."""
    picture = np.full((H, W, 3), colour, np.uint8)
    picture[:35] = colour if head is None else head
    found = look_of(picture, block(10))
    assert found is not None
    return found


ME, OTHER = look(RED), look(BLUE)
TWIN = look(RED, head=BLUE)  # somebody else in the same jumper
LIKE_ME = np.asarray(0.6 * ME + 0.4 * OTHER, np.float32)  # not unlike, but not alike in every part
GONE = np.zeros((H, W), np.uint8)  # no area is carried on
SECOND = 1_000_000_000


def test_people_come_surest_first_and_above_the_confidence() -> None:
    dog, low, high = (Instance(c, s, (0.0, 0.0, 1.0, 1.0), 1, 1, b"\xff") for c, s in ((17, 0.99), (0, 0.6), (0, 0.8)))
    assert people_of([low, dog, high], 0.5) == [high, low]
    assert people_of([low, dog, high], 0.7) == [high]
    assert people_of([], 0.0) == []


def test_a_sign_of_somebody_is_nobody_who_could_be_the_subject() -> None:
    person, sign = (Instance(0, 0.9, (0.0, 0.0, 1.0, 1.0), 1, 1, b"\xff", is_sign=is_sign) for is_sign in (False, True))
    assert people_of([sign, person], 0.5) == [person]


def test_a_subject_of_whom_there_is_a_sign_is_not_missed() -> None:
    """Two people whose heads met were found as one and a face: then the subject was asked about, and never shown again."""
    kept, missed = SubjectLock(), SubjectLock()
    for lock in (kept, missed):
        lock.follow([Candidate(block(20), ME)], None, 0)
        for at_ns in (SECOND // 3, 2 * SECOND // 3):
            assert lock.follow([Candidate(block(52), OTHER)], GONE, at_ns) is None
            if lock is kept:
                lock.keep(at_ns)
    people = [Candidate(block(52), OTHER), Candidate(block(24), LIKE_ME)]
    assert kept.follow(people, GONE, SECOND) == 1
    assert missed.follow(people, GONE, SECOND) is None, "the negative control"


def test_who_sits_in_front_is_chosen_before_a_face_on_a_poster() -> None:
    poster, me = Candidate(block(100, w=12, h=16), OTHER, 0.99), Candidate(block(20), ME, 0.9)
    assert SubjectLock().follow([poster, me], None, 0) == 1


def test_the_surest_is_chosen_first_and_a_surer_one_later_changes_nothing() -> None:
    lock = SubjectLock()
    assert lock.follow([], None, 0) is None
    assert lock.follow([Candidate(block(20), ME), Candidate(block(100), OTHER)], None, 0) == 0
    assert lock.follow([Candidate(block(100), OTHER), Candidate(block(22), ME)], block(21), 0) == 1


def test_whom_nobody_could_tell_again_is_not_locked() -> None:
    """Compose had missed the picture of the first result's frame: the subject was locked, unknown, and found no more."""
    lock = SubjectLock()
    assert lock.follow([Candidate(block(20), None)], None, 0) == 0
    assert lock.follow([Candidate(block(60), ME)], None, LONG_NS) == 0
    assert lock.follow([Candidate(block(110), OTHER)], None, LONG_NS) is None, "from here on it is"


def test_whom_one_takes_by_hand_is_followed_by_place_where_there_is_nothing_else() -> None:
    lock = SubjectLock()
    lock.take([Candidate(block(20), None)], 0, 0)
    assert lock.follow([Candidate(block(110), OTHER), Candidate(block(22), ME)], None, 1) == 1
    assert lock.follow([Candidate(block(50), ME)], None, 2) == 0, "from here on it is known"


def test_place_counts_before_looks() -> None:
    lock = SubjectLock(look=ME, chosen=True)
    twin = Candidate(block(110), ME)
    assert lock.follow([twin, Candidate(block(24), OTHER)], block(20), ALONE_NS) == 1, "who stands there turned around"


def test_place_alone_is_not_enough_where_somebody_else_may_have_come_there() -> None:
    changed = Candidate(block(24), OTHER)
    late = SubjectLock(look=ME, chosen=True)
    assert late.follow([changed], block(20), ALONE_NS + 1) is None, "there was time to change places"
    beside = SubjectLock(look=ME, chosen=True)
    assert beside.follow([changed, Candidate(block(58), ME)], block(20), 1) is None, "two stand together"


def test_a_result_whose_picture_was_missed_is_no_evidence_that_the_subject_left() -> None:
    lock = SubjectLock()
    lock.follow([Candidate(block(20), ME)], None, 0)
    assert lock.follow([Candidate(block(22), None)], None, 1) == 0
    assert lock.follow([Candidate(block(22), None), Candidate(block(50), None)], None, 2) is None, "which of them?"


def test_who_is_known_to_be_somebody_else_is_not_the_subject_whom_they_hide() -> None:
    """They wear the same, and the one in front is all that is found where both are."""
    lock = SubjectLock()
    lock.follow([Candidate(block(60), ME), Candidate(block(110), ME)], None, 0)
    for step, x in enumerate((100, 90, 80, 70), 1):
        assert lock.follow([Candidate(block(60), ME), Candidate(block(x), ME)], block(60), step) == 0
    assert lock.follow([Candidate(block(64), ME)], block(60), 5) is None


@pytest.mark.parametrize("x", range(20, 100, 10))
def test_when_two_cross_looks_decide(x: int) -> None:
    lock = SubjectLock(look=ME, chosen=True)
    assert lock.follow([Candidate(block(x + 6), OTHER), Candidate(block(x - 6), ME)], block(x), 0) == 1


def test_the_subject_found_twice_is_nobody_else() -> None:
    lock = SubjectLock()
    lock.follow([Candidate(block(60), ME), Candidate(block(63), ME)], None, 0)
    assert lock.follow([Candidate(block(62), ME)], block(60), 1) == 0


def test_nobody_else_is_taken_for_the_subject_who_is_gone() -> None:
    lock = SubjectLock()
    lock.follow([Candidate(block(20), ME)], None, 0)
    assert lock.follow([Candidate(block(110), OTHER)], block(20), 0) is None
    assert lock.follow([], GONE, 0) is None
    assert lock.follow([Candidate(block(110), OTHER)], GONE, 0) is None
    assert lock.follow([Candidate(block(110), OTHER), Candidate(block(30), ME)], GONE, 0) == 1


@pytest.mark.parametrize(
    ("number", "present", "who"), [(1, None, 2), (3, 2, 1), (9, 2, 1), (0, None, 2), (0, 2, 0), (0, 0, 1), (0, 1, 2)]
)
def test_people_are_counted_from_the_left(number: int, present: int | None, who: int) -> None:
    assert by_number(number, [50, 90, 10], present) == who


def test_who_was_taken_by_number_is_followed() -> None:
    lock = SubjectLock(look=ME, chosen=True)
    lock.take([Candidate(block(110), OTHER)], 0, 0)
    assert lock.follow([Candidate(block(20), ME), Candidate(block(112), OTHER)], block(110), 0) == 1


def test_looks_and_overlaps_are_shares() -> None:
    assert alike(ME, ME) == pytest.approx(1)
    assert alike(ME, OTHER) < 0.05
    assert alike(ME, None) == 0
    assert overlap(block(20), block(20)) == 1
    assert overlap(block(20), block(35)) == pytest.approx(1 / 3)
    assert overlap(block(20, w=0), block(35, w=0)) == 0
    assert look_of(np.zeros((H, W, 3), np.uint8), block(10, w=2, h=2)) is None


LONG_NS = LEFT_NS + 1


def test_missed_for_a_moment_it_is_found_again_where_it_was() -> None:
    changed = (0.65 * ME + 0.35 * OTHER).astype(np.float32)  # turned a little: for somebody in the right place only
    assert (alike_parts(ME, changed) >= NOT_UNLIKE).all() and (alike_parts(ME, changed) < ALIKE).any()
    for away_ns, found in ((LEFT_NS // 2, 0), (LONG_NS, None)):
        lock = SubjectLock()
        lock.follow([Candidate(block(20), ME)], None, 0)
        assert lock.follow([], GONE, away_ns // 2) is None
        assert lock.follow([Candidate(block(22), changed)], GONE, away_ns) == found


def test_who_was_missed_at_the_side_of_the_picture_must_look_the_same() -> None:
    """Two men in dark shirts, of whom one went out as the other came in, are not unlike."""
    lookalike = (0.65 * ME + 0.35 * OTHER).astype(np.float32)
    for look, found in ((lookalike, None), (ME, 0)):
        lock = SubjectLock()
        lock.follow([Candidate(block(40), ME)], None, 0)
        lock.follow([Candidate(block(0), ME)], block(0), 1)
        assert lock.follow([], GONE, 2) is None
        assert lock.follow([Candidate(block(0), look)], GONE, 3) == found


def gone(place: np.ndarray, *others: Candidate, returns: str = "auto") -> SubjectLock:
    """A subject that left a second and two results ago."""
    lock = SubjectLock(returns)
    lock.follow([Candidate(block(60), ME), *others], None, 0)
    lock.follow([Candidate(place, ME), *others], place, 0)
    assert lock.follow([*others], GONE, SECOND // 2) is None
    assert lock.follow([*others], GONE, LONG_NS) is None
    return lock


SEAT, BYSTANDER = block(60), Candidate(block(125), OTHER)


@pytest.mark.parametrize(
    ("why", "returns", "after_ns", "who", "found"),
    [
        ("it came back to its place", "auto", 2 * SECOND, Candidate(block(64), ME), 0),
        ("the user wants to be asked", "ask", 2 * SECOND, Candidate(block(64), ME), None),
        ("it was away for long", "auto", AWAY_NS + 1, Candidate(block(64), ME), None),
        ("it came somewhere else", "auto", 2 * SECOND, Candidate(block(120), ME), None),
        ("the jumper is the same, the head is not", "auto", 2 * SECOND, Candidate(block(64), TWIN), None),
        ("nobody knows what it looks like", "auto", 2 * SECOND, Candidate(block(64), None), None),
    ],
)
def test_who_left_is_taken_again_only_where_that_is_not_in_doubt(
    why: str, returns: str, after_ns: int, who: Candidate, found: int | None
) -> None:
    lock = gone(SEAT, returns=returns)
    assert lock.follow([who], GONE, after_ns) == found, why
    assert lock.asked == (() if found == 0 else (0,)), why


def test_who_left_by_one_side_does_not_come_back_by_the_other() -> None:
    for x, found in ((0, 0), (W - 34, None)):
        lock = SubjectLock()
        lock.follow([Candidate(block(0, w=130), ME)], None, 0)
        lock.follow([Candidate(block(0, w=100), ME)], None, 1)
        assert lock.follow([], GONE, LONG_NS) is None
        assert lock.follow([Candidate(block(x, w=100), ME)], GONE, 2 * SECOND) == found


@pytest.mark.parametrize("seen", [Candidate(block(62), TWIN), Candidate(block(62), OTHER)], ids=["twin", "stranger"])
def test_where_somebody_else_was_seen_nobody_comes_back_by_looks(seen: Candidate) -> None:
    lock = gone(SEAT)
    assert lock.follow([seen], GONE, 2 * SECOND) is None
    assert lock.follow([], GONE, 3 * SECOND) is None
    assert lock.follow([Candidate(block(62), ME)], GONE, 5 * SECOND) is None
    assert lock.asked == (0,)


def test_nor_within_the_first_second() -> None:
    for seen, found in ((Candidate(block(62), TWIN), None), (None, 0)):
        lock = SubjectLock()
        lock.follow([Candidate(block(60), ME)], None, 0)
        assert lock.follow([] if seen is None else [seen], GONE, SECOND // 3) is None
        assert lock.follow([Candidate(block(62), ME)], GONE, SECOND // 2) == found


def test_whom_looks_leave_open_for_long_is_somebody_else() -> None:
    vague = (0.65 * ME + 0.35 * OTHER).astype(np.float32)
    for unsure_ns, found in ((UNSURE_NS // 2, 0), (2 * UNSURE_NS, None)):
        lock = gone(SEAT)
        for at in range(2 * SECOND, 2 * SECOND + unsure_ns, SECOND // 2):
            assert lock.follow([Candidate(block(62), vague)], GONE, at) is None
        assert lock.follow([Candidate(block(62), ME)], GONE, 2 * SECOND + unsure_ns) == found


def test_a_bystander_who_stays_in_view_is_nobody_to_ask_about() -> None:
    lock = gone(SEAT, BYSTANDER)
    assert lock.follow([BYSTANDER], GONE, 2 * SECOND) is None
    assert lock.asked == ()
    assert lock.follow([BYSTANDER, Candidate(block(62), ME)], GONE, 3 * SECOND) == 1


@pytest.mark.parametrize(("bystander", "found"), [(ME, None), (TWIN, 0), (OTHER, 0)], ids=["alike", "twin", "unlike"])
def test_a_bystander_who_went_out_of_sight_there_may_be_the_one_who_comes(
    bystander: np.ndarray, found: int | None
) -> None:
    """But not one who clearly looks different: the family that walks past is no reason to ask."""
    lock = gone(SEAT, Candidate(block(90), bystander))
    for at in range(4, 8):
        assert lock.follow([], GONE, at * SECOND // 2) is None
    assert lock.follow([Candidate(block(62), ME)], GONE, 4 * SECOND) == found
    assert lock.asked == (() if found == 0 else (0,))


def test_a_bystander_to_whom_a_result_gave_the_subjects_body_is_not_taken_for_the_subject_later() -> None:
    """Mask R-CNN merged the subject with somebody who walked past behind. From then on the subject counted as that
    person, and the call stayed hidden."""
    lock = SubjectLock()
    seated, passing = block(60, w=40), block(100)
    assert lock.follow([Candidate(seated, ME), Candidate(passing, OTHER)], None, 0) == 0
    merged = Candidate(block(62, w=60), look(RED, head=BLUE))
    assert lock.follow([merged], seated, SECOND // 5) is None
    assert lock.follow([Candidate(seated, ME)], GONE, 2 * SECOND // 5) == 0


def test_somebody_clearly_different_beside_the_one_who_comes_back_is_no_rival() -> None:
    """After results had not come for some seconds nobody in view was known, and the call asked for ever."""
    for beside, found in ((OTHER, 0), (TWIN, 0), (ME, None)):
        lock = SubjectLock()
        assert lock.follow([Candidate(SEAT, ME)], None, 0) == 0
        people = [Candidate(block(62), ME), Candidate(block(95), beside)]
        assert lock.follow(people, GONE, 4 * SECOND) == found


def test_a_part_of_the_subject_that_is_found_as_well_is_nobody_else() -> None:
    """Mask R-CNN found the subject and its upper half. The half counted as somebody else from then on, who had taken the
    subject's place where the next results came late."""
    lock = SubjectLock()
    assert lock.follow([Candidate(SEAT, ME), Candidate(block(62, h=30), ME)], None, 0) == 0
    for at in (2, 3, 4):
        assert lock.follow([Candidate(block(62), ME)], GONE, at * SECOND) == 0


def test_the_subject_merged_with_somebody_beside_it_is_asked_about_and_comes_back_when_they_part() -> None:
    """A detector may give one region for two who touch. After three seconds of it the call asked for ever."""
    lock = gone(SEAT)
    merged = ME.copy()
    merged[2] = 0.7 * ME[2] + 0.3 * OTHER[2]
    assert alike_parts(ME, merged)[2] < ALIKE[2]
    for at in range(4, 14):
        assert lock.follow([Candidate(block(60, w=36), merged)], GONE, at * SECOND // 2) is None
        assert lock.asked == (0,)
    assert lock.follow([Candidate(block(62), ME)], GONE, 7 * SECOND) == 0


def test_nobody_is_missed_while_no_result_comes() -> None:
    """A busy machine gave no result for some seconds. The subject had left then, whoever had been beside it was nobody
    known any more, and the call asked for ever."""
    lock = SubjectLock()
    vague_bystander = Candidate(block(104), (0.8 * ME + 0.2 * OTHER).astype(np.float32))
    assert lock.follow([Candidate(SEAT, ME), vague_bystander], None, 0) == 0
    assert lock.follow([Candidate(block(62), ME), vague_bystander], GONE, 6 * SECOND) == 0
    taken = SubjectLock()
    assert taken.follow([Candidate(SEAT, ME)], None, 0) == 0
    assert taken.follow([Candidate(block(62), TWIN)], GONE, 6 * SECOND) is None, (
        "somebody else in the seat is not taken"
    )


def test_one_body_that_is_found_twice_comes_back() -> None:
    lock = gone(SEAT)
    assert lock.follow([Candidate(block(62), ME), Candidate(block(62, y=40, h=40), ME)], GONE, 2 * SECOND) == 0


def test_two_who_come_there_are_one_too_many() -> None:
    lock = gone(SEAT)
    assert lock.follow([Candidate(block(40), ME), Candidate(block(80), ME)], GONE, 2 * SECOND) is None


def test_results_that_are_far_apart_do_not_make_the_subject_leave() -> None:
    """At one result in two seconds everybody had left between any two of them."""
    lock = SubjectLock("ask")
    for at in range(0, 10, 2):
        assert lock.follow([Candidate(block(20), ME)], block(20) if at else None, at * SECOND) == 0


def test_taken_by_hand_the_next_one_is_the_subject_at_once() -> None:
    lock = gone(SEAT, BYSTANDER, returns="ask")
    back = [BYSTANDER, Candidate(block(62), ME)]
    assert lock.follow(back, GONE, 2 * SECOND) is None
    assert lock.asked == (1,)
    lock.take(back, 1, 2 * SECOND)
    assert lock.follow(back, back[1].area, 3 * SECOND) == 1


def test_who_is_cut_off_by_a_side_of_the_picture() -> None:
    found = [sorted(sides(area)) for area in (block(0), block(60), block(W - 32), block(0, w=W), GONE)]
    assert found == [["left"], [], ["right"], ["left", "right"], []]


@pytest.mark.parametrize(("x", "who"), [(0.2, 0), (0.75, 1), (0.67, 1), (0.5, None)])
def test_who_is_pointed_at_is_there_or_very_near(x: float, who: int | None) -> None:
    assert by_place(x, 0.5, [block(20), block(110)]) == who
