from __future__ import annotations

import numpy as np
import pytest

from compose.who.neighbours import BEHIND_FRAMES, QUIET_FRAMES, Near, Neighbours
from tests.compose.who.test_region import EMPTY, block

SUBJECT = block(100)
OTHER = block(141, w=30)  # beside the subject


def narrower(width: int) -> np.ndarray:
    """What can be seen of the other one, who has gone so far behind the subject."""
    return block(141, w=width) if width else EMPTY


def seen(neighbours: Neighbours, *others: np.ndarray, every: int = 3) -> list[Near]:
    return [neighbours.update(index * every, SUBJECT, other, EMPTY) for index, other in enumerate(others)]


@pytest.mark.parametrize("every", [1, 3, QUIET_FRAMES, 2 * QUIET_FRAMES])
def test_who_goes_behind_the_subject_is_hidden_there_however_seldom_results_come(every: int) -> None:
    found = seen(Neighbours(), OTHER, narrower(20), narrower(10), EMPTY, EMPTY, every=every)
    assert [near.hidden for near in found] == [False, False, True, True, True]


def test_who_is_taken_for_a_part_of_the_subject_is_hidden_there_too() -> None:
    """A network that mixes two people finds one large one."""
    assert [near.hidden for near in seen(Neighbours(), OTHER, EMPTY)] == [False, True]


def test_results_must_find_the_other_one_again_for_a_while() -> None:
    neighbours = Neighbours()
    seen(neighbours, OTHER, EMPTY)
    assert neighbours.update(6, SUBJECT, OTHER, EMPTY).hidden
    assert neighbours.update(3 + QUIET_FRAMES - 1, SUBJECT, OTHER, EMPTY).hidden
    assert not neighbours.update(3 + QUIET_FRAMES, SUBJECT, OTHER, EMPTY).hidden


def test_who_stays_away_is_not_waited_for_for_ever() -> None:
    neighbours = Neighbours()
    seen(neighbours, OTHER, EMPTY, every=1)
    hidden = [
        neighbours.update(index, SUBJECT, EMPTY, EMPTY).hidden for index in range(2, BEHIND_FRAMES + QUIET_FRAMES + 5)
    ]
    assert hidden.index(False) == pytest.approx(BEHIND_FRAMES + QUIET_FRAMES - 1, abs=2)
    assert not any(hidden[hidden.index(False) :])


@pytest.mark.parametrize("where", ["by a side", "far from the subject"])
def test_who_leaves_is_not_behind_the_subject(where: str) -> None:
    place = block(225, w=31) if where == "by a side" else block(180, w=30)
    less = block(245, w=11) if where == "by a side" else block(180, w=8)
    found = seen(Neighbours(), place, less, EMPTY if where == "by a side" else less)
    assert not any(near.hidden for near in found)


def test_who_is_beside_the_subject_and_not_found_whole_is_said() -> None:
    found = seen(Neighbours(), OTHER, narrower(29), narrower(22), block(180, w=22))
    assert [near.beside for near in found] == [False, False, True, False]


def test_alone_nobody_is_near() -> None:
    assert seen(Neighbours(), EMPTY, EMPTY, EMPTY) == [Near(beside=False, hidden=False)] * 3


def test_nobody_is_waited_for_of_whom_one_result_alone_found_a_sign() -> None:
    """Folded hands pass for a face now and then: the subject's own arms would be gone for seconds."""
    for signs, waits in (((OTHER,), False), ((OTHER, OTHER), True)):
        neighbours = Neighbours()
        found = [neighbours.update(3 * k, SUBJECT, EMPTY, sign) for k, sign in enumerate((EMPTY, *signs, EMPTY, EMPTY))]
        assert any(near.hidden for near in found) is waits
