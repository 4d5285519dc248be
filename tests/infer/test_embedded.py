"""The embedded detector on the demo scene, whose exact masks are known, and on pictures of other shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.ipc.records import Instance
from common.vision.assets import ASTRONAUT, fetch
from common.vision.pyramid import ImagePyramid
from infer.combined_detector import likely_on
from infer.embedded.detector import EmbeddedDetector, instances_of, score_of
from infer.embedded.networks import EmbeddedResult, grid_of, is_likely
from infer.embedded.people import Face
from infer.loop import least_size
from tests.infer.bodies import box, face_at, likely, person_at

SIZE_WH = (1280, 720)
APART, ALONE = (60, 240, 460), (300, 330, 720)  # frames of the demo at 30 a second
CLOSE = (80, 92, 172, 188, 520)


@lru_cache(1)
def scene() -> DemoScene:
    return DemoScene(*SIZE_WH, 30)


@lru_cache(1)
def detector() -> EmbeddedDetector:
    return EmbeddedDetector(0.5)


class Shares(NamedTuple):
    """Of one instance: which share of each person's visible pixels it holds, and whether it is a sign."""

    subject: float
    bystander: float
    is_sign: bool


def shares_of(found: tuple[Instance, ...], frame: int) -> list[Shares]:
    masks = scene().masks(frame)
    areas = [likely_on(i, SIZE_WH[::-1]) > 0.3 for i in found if i.class_id == 0]
    signs = [i.is_sign for i in found if i.class_id == 0]
    return [
        Shares(
            float((a & masks.subject).sum() / masks.subject.sum()),
            float((a & masks.bystander).sum() / max(1, masks.bystander.sum())),
            sign,
        )
        for a, sign in zip(areas, signs, strict=True)
    ]


def leak(shares: list[Shares]) -> float:
    """The bystander's share of the person who holds most of the subject."""
    people = [s for s in shares if not s.is_sign]
    return max(people, key=lambda s: s.subject).bystander if people else 0.0


def test_nobody_is_found_in_an_empty_scene() -> None:
    assert detector().detect(scene().wall) == ()
    assert detector().detect(np.zeros((720, 1280, 3), np.uint8)) == ()


@pytest.mark.parametrize("frame", ALONE)
def test_one_person_is_found_once(frame: int) -> None:
    (only,) = shares_of(detector().detect(scene().frame(frame)), frame)
    assert not only.is_sign
    assert only.subject > 0.7


@pytest.mark.parametrize("frame", APART)
def test_two_separate_people_are_found(frame: int) -> None:
    one, other = shares_of(detector().detect(scene().frame(frame)), frame)
    subject, bystander = (one, other) if one.subject > other.subject else (other, one)
    assert subject.subject > 0.6 and bystander.bystander > 0.6
    assert subject.bystander < 0.01 and bystander.subject < 0.01


@pytest.mark.parametrize("frame", CLOSE)
def test_the_subject_gets_few_pixels_of_a_close_person(frame: int) -> None:
    shares = shares_of(detector().detect(scene().frame(frame)), frame)
    assert leak(shares) < 0.05
    assert max(s.bystander for s in shares) > 0.5, "the other is found, or there is a sign"


def test_the_minimum_size_is_enough_for_a_detector() -> None:
    assert least_size(detector()) == detector().least_wh
    picture = cv2.resize(scene().frame(200), (3840, 2160), interpolation=cv2.INTER_CUBIC)
    reduced = ImagePyramid(np.asarray(picture, np.uint8)).smallest_at_least(*detector().least_wh)
    assert reduced.shape == (540, 960, 3)
    shares = shares_of(detector().detect(reduced), 200)
    assert [s.is_sign for s in shares] == [False, False]
    assert leak(shares) < 0.01


@pytest.mark.parametrize("size_wh", [(640, 480), (540, 960), (512, 512), (1280, 400)])
def test_a_picture_of_any_shape_is_processed(size_wh: tuple[int, int]) -> None:
    portrait = np.asarray(cv2.imread(str(fetch(ASTRONAUT))), np.uint8)
    side = min(size_wh)
    x, y = (size_wh[0] - side) // 2, size_wh[1] - side
    picture = np.full((size_wh[1], size_wh[0], 3), 200, np.uint8)
    picture[y : y + side, x : x + side] = cv2.resize(portrait, (side, side))
    (person, *rest) = detector().detect(picture)
    assert not person.is_sign
    assert all(i.is_sign for i in rest), "the portrait has a flag and a model of a rocket"
    inside = likely_on(person, size_wh[::-1]) > 0.3
    face, corner = (y + side // 4, x + round(0.43 * side)), (y + side // 8, x + round(0.92 * side))
    assert inside[face]
    assert not inside[corner]


def test_thin_and_tiny_pictures_are_processed() -> None:
    for height, width in ((64, 16384), (2000, 64), (64, 64), (1, 1), (500, 1), (1, 500)):
        assert detector().detect(np.zeros((height, width, 3), np.uint8)) == ()


def test_the_grid_has_square_cells() -> None:
    assert [grid_of(wh) for wh in ((1280, 720), (640, 480), (720, 1280))] == [(320, 180), (320, 240), (180, 320)]


def test_a_person_below_the_minimum_score_is_a_sign() -> None:
    me = person_at(100, box(75, 40, 125, 150))
    seen = EmbeddedResult(likely(box(75, 40, 125, 150)), (me,), ())
    (shown,), (hidden,) = instances_of(seen, 0.5), instances_of(seen, 0.99)
    assert (shown.is_sign, hidden.is_sign) == (False, True)
    assert shown.probability == hidden.probability


def test_a_person_with_hardly_any_matte_is_a_sign() -> None:
    body = box(75, 40, 125, 150)
    for seen, is_sign in ((0.0, True), (0.1, True), (0.5, False)):
        (one,) = instances_of(EmbeddedResult(likely(body, seen), (person_at(100, body),), ()), 0.5)
        assert one.is_sign is is_sign


def test_cells_without_the_matte_are_never_certain() -> None:
    body, upper = box(75, 40, 125, 150), box(75, 40, 125, 95)
    (one,) = instances_of(EmbeddedResult(likely(upper, 0.95), (person_at(100, body, 0.95),), ()), 0.5)
    found = np.frombuffer(one.probability, np.uint8).reshape(one.map_height, one.map_width)
    middle = found.shape[1] // 2
    assert found[20, middle] == pytest.approx(0.95 * 255, abs=1)
    assert found[-20, middle] == pytest.approx(0.6 * 255, abs=1)


def test_people_come_before_signs_in_order_of_their_scores() -> None:
    middle, side = box(135, 40, 185, 150), box(15, 40, 65, 150)
    who = (person_at(40, side), person_at(160, middle))
    found = instances_of(EmbeddedResult(likely(middle | side), who, (face_at(260),)), 0.5)
    assert [i.is_sign for i in found] == [False, False, True]
    assert found[0].score > found[1].score >= 0.5
    assert found[0].box_xyxy[0] > 0.4
    assert score_of(person_at(160, middle, has_face=False), middle) < score_of(who[1], middle)


def test_a_face_with_a_low_score_counts_only_where_the_matte_sees_a_person() -> None:
    matte = likely(box(90, 50, 110, 70))
    for x, score, width, is_one in ((100, 0.45, 20, True), (200, 0.45, 20, False), (200, 0.7, 20, True), (100, 0.9, 4, False),
                                    (400, 0.9, 20, False), (114, 0.45, 20, False)):  # fmt: skip
        assert is_likely(Face(score, np.array([x, 60.0]), float(width)), matte) is is_one
