"""Whether somebody else is ever taken for the subject: played out with people who wear the same, and with people who do not.

`python -m tests.bench returns` plays the courses of four seeds and prints what came of them, and how alike people look.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from compose.who import subject
from tests.returns import follow, ordinary_ones, wrong_ones

EACH = 56  # courses of one seed: two people, four colours, seven gaps
SEEDS = 2  # of the shorter courses, in which the subject comes back


def test_somebody_else_in_the_same_jumper_is_never_shown() -> None:
    """By two histograms of colours they were in a third of these courses."""
    courses = list(wrong_ones(1))
    assert len(courses) == EACH
    returned = [follow(course) for course in courses]
    assert [course for course, r in zip(courses, returned, strict=True) if r.wrong] == []
    assert sum(r.lost for r in returned) == 0, "nor is the subject lost where it sits"
    waited = [r for course, r in zip(courses, returned, strict=True) if course.meanwhile == ""]
    assert all(r.asked for r in waited), "the user is asked instead"


def test_the_courses_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: where heads and places do not count, the other one is taken."""
    clothes = np.array((0.0, 0.5, 0.75), np.float32)
    monkeypatch.setattr(subject, "ALIKE", clothes)
    monkeypatch.setattr(subject, "NOT_UNLIKE", clothes)
    monkeypatch.setattr(subject, "NEAR_WIDTHS", 100.0)
    wrong, enough = (course for course in wrong_ones(1) if follow(course).wrong), EACH // 5 + 1
    assert len(list(islice(wrong, enough))) == enough


def test_who_comes_back_in_other_clothes_than_everybody_else_is_shown_by_itself() -> None:
    courses = list(ordinary_ones(SEEDS))
    assert len(courses) == 10 * SEEDS
    returned = [follow(course) for course in courses]
    assert sum(r.wrong for r in returned) == 0
    assert sum(r.back for r in returned) >= 0.9 * len(courses)
