from __future__ import annotations

import numpy as np
import pytest

from infer.embedded.outline import outline_of_face, outline_of_pose
from infer.embedded.people import SURE_FACE, Face, fits, is_face_of, is_on_body, is_same_body, is_same_face
from tests.infer.bodies import GRID_WH, box, person_at, pose_at


def face(x: float, y: float = 60.0, width: float = 20.0) -> Face:
    return Face(0.9, np.array([x, y]), width)


def test_the_core_contains_head_neck_and_trunk_and_no_invisible_limb() -> None:
    outline = outline_of_pose(pose_at(100, 60), GRID_WH)
    for y, x in ((58, 100), (76, 100), (84, 85), (84, 115), (120, 100)):
        assert outline.core[y, x]
    for y, x in ((58, 130), (110, 60), (178, 80), (30, 100)):
        assert not outline.core[y, x]
    assert outline.size == pytest.approx(40)
    assert outline_of_pose(pose_at(100, 60, visible=0.9), GRID_WH).core[110, 61], "an arm that is seen"


def test_distance_is_in_cells_from_the_core() -> None:
    outline = outline_of_pose(pose_at(100, 60), GRID_WH)
    assert not outline.distance[outline.core].any()
    row = outline.distance[110]
    right = int(np.flatnonzero(outline.core[110])[-1])
    assert row[right + 30] == pytest.approx(30, abs=1.5)


def test_a_turned_body_keeps_its_size() -> None:
    pose = pose_at(100, 60)
    points = pose.landmarks.copy()
    points[:, 0] = 100 + (points[:, 0] - 100) * 0.2  # seen from the side
    assert outline_of_pose(pose._replace(landmarks=points), GRID_WH).size > 20


def test_a_body_outside_of_the_picture_has_no_core_and_is_far() -> None:
    outline = outline_of_pose(pose_at(2000, -900), GRID_WH)
    assert not outline.core.any()
    assert outline.distance.min() > 1000


def test_a_lone_face_gets_an_outline_with_head_and_trunk() -> None:
    outline = outline_of_face(np.array([100.0, 60.0]), 20.0, GRID_WH)
    for y, x in ((50, 100), (60, 112), (100, 100), (150, 118)):
        assert outline.core[y, x]
    assert not outline.core[60, 125]
    assert not outline.core[30, 100]


def test_poses_with_head_and_neck_near_each_other_are_one_body() -> None:
    assert is_same_body(pose_at(100, 60), pose_at(110, 65))
    assert not is_same_body(pose_at(100, 60), pose_at(130, 60))
    assert not is_same_body(pose_at(100, 60), pose_at(110, 100))


@pytest.mark.parametrize(("x", "is_its", "well"), [(100, True, True), (109, True, False), (125, False, False)])
def test_a_face_belongs_to_the_pose_with_landmarks_at_its_place(x: float, is_its: bool, well: bool) -> None:
    pose = pose_at(100, 60)
    assert is_face_of(face(x), pose) is is_its
    assert fits(face(x), pose) is well


def test_detections_of_one_face_are_merged() -> None:
    assert is_same_face(face(100), face(108, width=24))
    assert not is_same_face(face(100), face(130))


@pytest.mark.parametrize(
    ("y", "x", "score", "is_on"),
    [
        (130, 100, 0.4, True),
        (130, 100, SURE_FACE, False),
        (130, 150, 0.4, False),
        (62, 100, 0.4, False),
        (900, 100, 0.4, False),
    ],
)
def test_hands_and_prints_that_look_like_faces_are_on_a_body(y: float, x: float, score: float, is_on: bool) -> None:
    me = person_at(100, box(75, 40, 125, 150))
    assert is_on_body(Face(score, np.array([x, y]), 20.0), me) is is_on
