"""Who owns which cell; people are 40 cells wide at the shoulders, faces at row 60."""

from __future__ import annotations

import numpy as np

from infer.embedded.split import face_share, is_rather, joined, shares, unclaimed
from tests.infer.bodies import SHAPE, box, face_at, likely, person_at

LEFT, RIGHT = box(75, 40, 125, 150), box(125, 40, 175, 150)  # bodies of people at 100 and 150
BOTH = LEFT | RIGHT


def test_one_person_gets_the_cells_of_the_own_mask() -> None:
    mask = box(75, 40, 122, 150)
    (share,) = shares([person_at(100, mask)], [])
    np.testing.assert_array_equal(share, mask)


def test_cells_far_from_the_body_are_not_assigned() -> None:
    (share,) = shares([person_at(100, box(75, 40, 300, 180))], [])
    assert share[100, 130]
    assert not share[100, 147:].any()


def test_touching_people_are_separated_though_each_mask_contains_both() -> None:
    people = [person_at(100, BOTH), person_at(150, BOTH)]
    for person, mine, theirs in zip(people, (LEFT, RIGHT), (RIGHT, LEFT), strict=True):
        person.mask[:] = likely(mine, 0.95) + likely(theirs, 0.6)
    left, right = shares(people, [])
    assert not (left & right).any()
    assert (left & RIGHT).sum() < 0.03 * RIGHT.sum()
    assert (right & LEFT).sum() < 0.03 * LEFT.sum()
    assert (left & LEFT).sum() > 0.9 * LEFT.sum()


def test_between_two_equal_masks_only_the_bodies_are_assigned() -> None:
    people = [person_at(100, BOTH), person_at(150, BOTH)]
    for person, share in zip(people, shares(people, []), strict=True):
        assert not (share & ~person.outline.core).any()
        assert share.sum() > 1000


def test_a_large_person_does_not_get_cells_of_a_small_one_behind() -> None:
    small = box(165, 40, 185, 110)
    near, far = person_at(100, LEFT | small, size=60), person_at(175, small, size=15)
    share = shares([near, far], [])[0]
    assert not (share & small).any()


def test_where_bodies_overlap_the_clearly_higher_mask_wins() -> None:
    low, high, same = (person_at(x, BOTH, how) for x, how in ((100, 0.6), (115, 0.9), (115, 0.62)))
    contested = low.outline.core & high.outline.core
    assert contested.any()
    assert is_rather(high, low)[contested].all()
    assert not is_rather(low, high)[contested].any()
    assert not is_rather(same, low)[contested].any()
    assert not is_rather(low, same)[contested].any()


def test_outside_the_body_another_persons_mask_takes_a_cell() -> None:
    me, other = person_at(100, BOTH, 0.7), person_at(150, RIGHT | box(118, 40, 125, 180), 0.9)
    assert me.outline.distance[50, 120] < other.outline.distance[50, 120]
    assert not is_rather(me, other)[50, 120]


def test_a_part_that_is_not_connected_with_the_body_is_not_assigned() -> None:
    body, speck = box(80, 40, 120, 150), box(125, 100, 135, 110)
    np.testing.assert_array_equal(joined(body | speck, box(90, 60, 110, 140)), body)
    assert not joined(speck, box(90, 60, 110, 140)).any()


def test_only_a_face_with_a_high_score_takes_cells_of_a_body() -> None:
    me = person_at(100, LEFT)
    (whole,) = shares([me], [])
    (unsure,), (sure,) = (shares([me], [face_at(105, score=score)]) for score in (0.5, 0.7))
    assert sure.sum() < unsure.sum() < whole.sum()
    assert unsure[me.outline.core & whole].all()
    assert not sure[face_at(105).head].any()


def test_a_face_hides_its_head_also_without_the_matte() -> None:
    face = face_at(250)
    hidden = face_share(face, [person_at(100, LEFT)], [LEFT], likely(LEFT))
    np.testing.assert_array_equal(hidden, face.head)


def test_a_lone_face_gets_no_assigned_cells() -> None:
    hidden = face_share(face_at(130), [person_at(100, LEFT)], [LEFT], likely(BOTH))
    assert hidden.any()
    assert not (hidden & LEFT).any()


def test_unassigned_regions_of_the_matte_are_found_without_specks() -> None:
    stranger, speck = box(220, 40, 260, 180), box(300, 10, 305, 15)
    (found,) = unclaimed([LEFT], likely(LEFT | stranger | speck))
    np.testing.assert_array_equal(found, stranger)
    assert unclaimed([LEFT, box(220, 40, 230, 180)], likely(LEFT | stranger)) == []
    (alone,) = unclaimed([], likely(stranger))
    np.testing.assert_array_equal(alone, stranger)
    assert unclaimed([], np.zeros(SHAPE, np.float32)) == []
