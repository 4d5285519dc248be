from __future__ import annotations

import pytest

from common.redaction.judgements import Box
from common.redaction.people import PATIENCE_S, EvenSample, Follower


def box(x: float, y: float = 0.2, side: float = 0.2) -> Box:
    return x, y, x + side, y + side


def follow(*frames: list[Box], rate: float = 10) -> list[tuple[float, float]]:
    follower = Follower()
    for number, boxes in enumerate(frames):
        follower.add(number / rate, (number + 1) / rate, boxes)
    return [(round(each.first_s, 6), round(each.last_s, 6)) for each in follower.appearances]


def test_a_person_who_walks_is_one_entry() -> None:
    assert follow(*([box(0.02 * number)] for number in range(30))) == [(0.0, 3.0)]


def test_two_people_who_pass_each_other_are_two_entries() -> None:
    frames = ([box(0.02 * number, 0.1), box(0.6 - 0.02 * number, 0.4)][:: 1 - 2 * (number % 2)] for number in range(30))
    assert follow(*frames) == [(0.0, 3.0), (0.0, 3.0)]


def test_a_missed_detection_does_not_end_an_entry() -> None:
    assert follow([box(0.1)], [], [box(0.12)]) == [(0.0, 0.3)]


def test_a_person_who_comes_back_later_is_another_entry() -> None:
    gone: list[list[Box]] = [[] for _ in range(round(PATIENCE_S * 10) + 1)]
    assert follow([box(0.1)], *gone, [box(0.1)]) == [(0.0, 0.1), (2.2, 2.3)]


def test_a_person_of_a_slow_source_is_one_entry() -> None:
    assert follow([box(0.1)], [box(0.12)], [box(0.14)], rate=0.1) == [(0.0, 30.0)]


def test_each_box_belongs_to_one_person_and_the_best_overlap_wins() -> None:
    found = follow([box(0.1), box(0.16)], [box(0.17), box(0.11), box(0.14)])
    assert found == [(0.0, 0.2), (0.0, 0.2), (0.1, 0.2)]


def test_the_picture_is_of_the_largest_box() -> None:
    follower = Follower()
    for number, side in enumerate((0.2, 0.3, 0.25)):
        follower.add(float(number), number + 1.0, [box(0.1, side=side)])
    (person,) = follower.appearances
    assert person.largest == box(0.1, side=0.3) and person.largest_s == 1.0


def test_an_empty_box_is_followed_nowhere_and_breaks_nothing() -> None:
    assert len(follow([(0.0, 0.5, 0.0, 0.5)], [(0.0, 0.5, 0.0, 0.5)])) == 2


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7, 100, 10_000])
def test_a_sample_is_even_over_everything(count: int) -> None:
    sample: EvenSample[int] = EvenSample(6)
    for number in range(count):
        sample.add(number)
    picked = sample.pick()
    assert len(picked) == min(6, count) and picked == sorted(set(picked))
    if count:
        assert picked[0] == 0 and picked[-1] >= 0.8 * (count - 1)
