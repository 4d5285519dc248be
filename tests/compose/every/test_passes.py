"""Which of the two directions is believed, on areas drawn by hand."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from common.ipc.messages import MasksInferred
from common.vision.arrays import SoftMask
from common.vision.pyramid import ImagePyramid
from compose.every.grid_frame import GridFrame
from compose.every.looks import Look, Outcome
from compose.every.passes import NEVER, Pass, Propagated, merged
from compose.picture.matte_edge import MatteEdge
from compose.who.look_maps import LookMaps
from compose.who.region import PresentFrame
from compose.who.region_state import GridBox, RegionState
from tests.compose.every.scenes import info
from tests.compose.who.test_region import EMPTY, WHOLE, block

SHAPE = (40, 60)


def area(x0: int, x1: int) -> SoftMask:
    found = np.zeros(SHAPE, np.uint8)
    found[5:35, x0:x1] = 255
    return found


def way(
    subject: SoftMask,
    others: SoftMask,
    since_apart: int,
    unassigned: SoftMask | None = None,
    others_most: int = 100,
) -> Propagated:
    nothing = np.zeros(SHAPE, np.uint8)
    state = RegionState(
        0, 0, subject, subject, subject, others, nothing, nothing if unassigned is None else unassigned, 2.0
    )
    return Propagated(state, since_apart, others_most)


NOBODY = area(0, 0)


def columns(state: RegionState) -> list[int]:
    return sorted({int(x) for x in np.nonzero(state.subject)[1]})


def test_what_only_one_direction_has_is_shown_where_the_other_knows_nobody() -> None:
    assert columns(merged(way(area(10, 20), NOBODY, 0), way(area(15, 30), NOBODY, 0))) == list(range(10, 30))


@pytest.mark.parametrize("turned", [False, True])
def test_the_direction_that_saw_people_apart_more_recently_says_who_is_somebody_else(turned: bool) -> None:
    recent, old = way(area(10, 20), area(24, 40), 3), way(area(10, 30), NOBODY, 40)
    both = (old, recent) if turned else (recent, old)
    assert columns(merged(*both)) == list(range(10, 22))  # with a margin


def test_the_direction_that_saw_people_apart_more_recently_keeps_what_the_other_takes_for_somebody_else() -> None:
    recent, old = way(area(10, 30), NOBODY, 3), way(area(10, 20), area(20, 40), 40)
    assert columns(merged(recent, old)) == list(range(10, 30))


def test_where_both_saw_them_equally_recently_what_one_takes_for_somebody_is_hidden() -> None:
    one, other = way(area(10, 30), NOBODY, 5), way(area(10, 20), NOBODY, 5, unassigned=area(24, 40))
    assert columns(merged(one, other)) == list(range(10, 22))


def test_a_direction_that_never_saw_anybody_else_does_not_count_while_somebody_may_be_hidden() -> None:
    knows, never = way(area(10, 20), NOBODY, 5), way(area(10, 30), NOBODY, NEVER)
    assert columns(merged(knows, never)) == list(range(10, 20))
    apart = way(area(10, 20), area(40, 50), 0)
    assert columns(merged(apart, never)) == list(range(10, 30))


@pytest.mark.parametrize("since_apart", [0, 3, 40])
@pytest.mark.parametrize("turned", [False, True])
def test_a_direction_that_saw_only_a_part_of_somebody_does_not_count_while_the_rest_may_be_hidden(
    since_apart: int, turned: bool
) -> None:
    knows, part = way(area(10, 20), NOBODY, 20), way(area(10, 30), area(30, 34), since_apart, others_most=60)
    assert columns(merged(*((part, knows) if turned else (knows, part)))) == list(range(10, 20))


def test_what_such_a_direction_takes_for_somebody_is_hidden() -> None:
    knows, part = way(area(10, 30), NOBODY, 20), way(area(10, 20), area(26, 34), 3, others_most=60)
    assert columns(merged(knows, part)) == list(range(10, 24))
    unsure = way(area(10, 20), NOBODY, 3, unassigned=area(26, 34), others_most=60)
    assert columns(merged(knows, unsure)) == list(range(10, 24))


def test_a_direction_that_saw_as_much_of_somebody_counts() -> None:
    old, recent = way(area(10, 20), NOBODY, 20), way(area(10, 30), NOBODY, 3, others_most=90)
    assert columns(merged(old, recent)) == list(range(10, 30))


def test_whom_the_other_direction_takes_away_from_the_subject_is_somebody_else() -> None:
    """Else nothing kept a distance from them."""
    knows, less = way(area(10, 30), NOBODY, 20), way(area(10, 18), area(20, 34), 3, others_most=60)
    found = merged(knows, less)
    assert max(columns(found)) < 20
    assert (found.others[20, 20:34] == 255).all()


class TwoPeople:
    """Stands in for the matte: it finds the subject, and somebody beside it."""

    def reset(self) -> None:
        """Nothing is kept."""

    def infer(self, present: PresentFrame, area: SoftMask) -> tuple[SoftMask, GridBox]:
        return np.maximum(block(100), block(140, w=30)), WHOLE


def test_frames_are_counted_since_people_were_apart_also_where_only_a_sign_of_somebody_was_found_before() -> None:
    direction = Pass(cast(MatteEdge, TwoPeople()), forward=True)
    less, more = block(141, w=10), block(141, w=30)
    counts = []
    for number, (others, signs) in enumerate([(EMPTY, more), (EMPTY, more), (less, EMPTY), (less, EMPTY)]):
        black = np.zeros((*EMPTY.shape, 3), np.uint8)
        frame = GridFrame(info(number), ImagePyramid(black), black, black, EMPTY, False, None)
        look = Look(
            MasksInferred(1, number, number, 1, "w", "m", ()),
            Outcome.FOUND,
            (),
            LookMaps(block(100), others, EMPTY, signs),
        )
        direction.enter(frame, None)
        found = direction.settle(frame, look)
        assert found is not None
        counts.append(found.since_apart)
    assert counts == [NEVER, NEVER, 1, 2]
