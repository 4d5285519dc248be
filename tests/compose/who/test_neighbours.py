from __future__ import annotations

import numpy as np
import pytest

from compose.who.neighbours import BEHIND_NS, QUIET_NS, Near, Neighbours
from tests.compose.who.test_region import EMPTY, block

SUBJECT = block(100)
OTHER = block(141, w=30)  # beside the subject


def narrower(width: int) -> np.ndarray:
    """What can be seen of the other one, who has gone so far behind the subject."""
    return block(141, w=width) if width else EMPTY


def seen(neighbours: Neighbours, *others: np.ndarray, every_s: float = 0.1) -> list[Near]:
    return [neighbours.update(round(k * every_s * 1e9), SUBJECT, other, EMPTY) for k, other in enumerate(others)]


@pytest.mark.parametrize("every_s", [0.01, 0.1, 0.5, 1.0])
def test_who_goes_behind_the_subject_is_hidden_there_however_seldom_results_come(every_s: float) -> None:
    found = seen(Neighbours(), OTHER, narrower(20), narrower(10), EMPTY, EMPTY, every_s=every_s)
    assert [near.hidden for near in found] == [False, False, True, True, True]


def test_who_is_taken_for_a_part_of_the_subject_is_hidden_there_too() -> None:
    """A network that mixes two people finds one large one."""
    assert [near.hidden for near in seen(Neighbours(), OTHER, EMPTY)] == [False, True]


def test_results_must_find_the_other_one_again_for_a_while() -> None:
    neighbours = Neighbours()
    seen(neighbours, OTHER, EMPTY)
    last_ns = 100_000_000
    assert neighbours.update(last_ns + 100_000_000, SUBJECT, OTHER, EMPTY).hidden
    assert neighbours.update(last_ns + QUIET_NS - 1, SUBJECT, OTHER, EMPTY).hidden
    assert not neighbours.update(last_ns + QUIET_NS, SUBJECT, OTHER, EMPTY).hidden


@pytest.mark.parametrize("fps", [15, 30, 60, 120])
def test_who_stays_away_is_waited_for_as_long_at_any_frame_rate_and_not_for_ever(fps: int) -> None:
    neighbours = Neighbours()
    seen(neighbours, OTHER, EMPTY, every_s=1 / fps)
    hidden = [neighbours.update(round(k * 1e9 / fps), SUBJECT, EMPTY, EMPTY).hidden for k in range(2, 5 * fps)]
    waited_s = (2 + hidden.index(False)) / fps
    assert waited_s == pytest.approx((BEHIND_NS + QUIET_NS) / 1e9, abs=3 / fps)
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
        found = [
            neighbours.update(k * QUIET_NS // 5, SUBJECT, EMPTY, sign)
            for k, sign in enumerate((EMPTY, *signs, EMPTY, EMPTY))
        ]
        assert any(near.hidden for near in found) is waits
