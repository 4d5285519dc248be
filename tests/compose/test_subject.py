from __future__ import annotations

import numpy as np
import pytest

from common.messages import Instance
from compose.subject import (
    ALIKE,
    LEFT_NS,
    NOT_UNLIKE,
    Candidate,
    SubjectLock,
    alike,
    by_number,
    by_place,
    look_of,
    overlap,
    people_of,
)

H, W = 90, 160
RED, BLUE = (40, 40, 220), (220, 60, 30)


def block(x: int, y: int = 20, w: int = 30, h: int = 60) -> np.ndarray:
    area = np.zeros((H, W), np.uint8)
    area[y : y + h, max(x, 0) : x + w] = 255
    return area


def look(colour: tuple[int, int, int]) -> np.ndarray:
    picture = np.full((H, W, 3), colour, np.uint8)
    found = look_of(picture, block(10))
    assert found is not None
    return found


ME, OTHER = look(RED), look(BLUE)


def test_people_come_surest_first_and_above_the_confidence() -> None:
    dog, low, high = (Instance(c, s, (0.0, 0.0, 1.0, 1.0), 1, 1, b"\xff") for c, s in ((17, 0.99), (0, 0.6), (0, 0.8)))
    assert people_of([low, dog, high], 0.5) == [high, low]
    assert people_of([low, dog, high], 0.7) == [high]
    assert people_of([], 0.0) == []


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
    lock.take(Candidate(block(20), None), 0)
    assert lock.follow([Candidate(block(110), OTHER), Candidate(block(22), ME)], None, 1) == 1
    assert lock.follow([Candidate(block(60), ME)], None, 2) == 0, "from here on it is known"


def test_place_counts_before_looks() -> None:
    lock = SubjectLock(look=ME, chosen=True)
    twin = Candidate(block(110), ME)
    assert lock.follow([twin, Candidate(block(24), OTHER)], block(20), 0) == 1, "who stands there changed the light"


@pytest.mark.parametrize("x", range(20, 100, 10))
def test_when_two_cross_looks_decide(x: int) -> None:
    lock = SubjectLock(look=ME, chosen=True)
    assert lock.follow([Candidate(block(x + 6), OTHER), Candidate(block(x - 6), ME)], block(x), 0) == 1


def test_who_is_gone_is_nobody_else_and_comes_back_by_looks() -> None:
    lock = SubjectLock()
    lock.follow([Candidate(block(20), ME)], None, 0)
    assert lock.follow([Candidate(block(110), OTHER)], block(20), 0) is None
    assert lock.follow([], np.zeros((H, W), np.uint8), 0) is None
    assert lock.follow([Candidate(block(110), OTHER)], np.zeros((H, W), np.uint8), 0) is None
    assert lock.follow([Candidate(block(110), OTHER), Candidate(block(60), ME)], np.zeros((H, W), np.uint8), 0) == 1


def test_cleared_it_chooses_anew() -> None:
    lock = SubjectLock(look=ME, chosen=True)
    lock.clear()
    assert lock.follow([Candidate(block(110), OTHER)], None, 0) == 0


@pytest.mark.parametrize(
    ("number", "present", "who"), [(1, None, 2), (3, 2, 1), (9, 2, 1), (0, None, 2), (0, 2, 0), (0, 0, 1), (0, 1, 2)]
)
def test_people_are_counted_from_the_left(number: int, present: int | None, who: int) -> None:
    assert by_number(number, [50, 90, 10], present) == who


def test_who_was_taken_by_number_is_followed() -> None:
    lock = SubjectLock(look=ME, chosen=True)
    lock.take(Candidate(block(110), OTHER), 0)
    assert lock.follow([Candidate(block(20), ME), Candidate(block(112), OTHER)], block(110), 0) == 1


def test_looks_and_overlaps_are_shares() -> None:
    assert alike(ME, ME) == pytest.approx(1)
    assert alike(ME, OTHER) < 0.05
    assert alike(ME, None) == 0
    assert overlap(block(20), block(20)) == 1
    assert overlap(block(20), block(35)) == pytest.approx(1 / 3)
    assert overlap(block(20, w=0), block(35, w=0)) == 0
    assert look_of(np.zeros((H, W, 3), np.uint8), block(10, w=2, h=2)) is None


GONE = np.zeros((H, W), np.uint8)
LONG_NS = LEFT_NS + 1


def test_missed_for_a_moment_it_is_found_again_where_it_was() -> None:
    changed = (0.5 * ME + 0.5 * OTHER).astype(
        np.float32
    )  # a light went on: alike enough for somebody in the right place only
    assert NOT_UNLIKE < alike(ME, changed) < ALIKE
    for away_ns, found in ((LEFT_NS // 2, 0), (LONG_NS, None)):
        lock = SubjectLock()
        lock.follow([Candidate(block(20), ME)], None, 0)
        assert lock.follow([], GONE, away_ns // 2) is None
        assert lock.follow([Candidate(block(22), changed)], GONE, away_ns) == found


def test_who_left_comes_back_by_looks_or_only_by_hand() -> None:
    for returns, found in (("auto", 1), ("ask", None)):
        lock = SubjectLock(returns)
        lock.follow([Candidate(block(20), ME)], None, 0)
        assert lock.follow([Candidate(block(110), OTHER)], GONE, LONG_NS) is None
        back = [Candidate(block(110), OTHER), Candidate(block(60), ME)]
        assert lock.follow(back, GONE, LONG_NS + 1) == found
        lock.take(back[1], LONG_NS + 2)
        assert lock.follow(back, back[1].area, LONG_NS + 3) == 1


@pytest.mark.parametrize(("x", "who"), [(0.2, 0), (0.75, 1), (0.67, 1), (0.5, None)])
def test_who_is_pointed_at_is_there_or_very_near(x: float, who: int | None) -> None:
    assert by_place(x, 0.5, [block(20), block(110)]) == who
