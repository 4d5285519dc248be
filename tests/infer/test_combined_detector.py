"""A Mask R-CNN's instances beside what the small networks saw; people are made up, see tests/infer/bodies.py."""

from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import Instance
from common.vision.arrays import Mask
from infer.combined_detector import combine, likely_on, owners_of
from infer.embedded.detector import instance_of
from infer.embedded.networks import EmbeddedResult
from infer.embedded.people import LoneFace, Person
from infer.mask_rcnn import MaskRcnn
from infer.settings import InferSettings
from tests.infer.bodies import SHAPE, box, face_at, likely, person_at
from tests.infer.test_embedded import SIZE_WH, leak, scene, shares_of
from tests.shared import MASK_RCNN

LEFT, RIGHT = box(75, 40, 125, 150), box(125, 40, 175, 150)
BOTH = LEFT | RIGHT
ME, OTHER = person_at(100, LEFT), person_at(150, RIGHT)


def found(where: Mask, class_id: int = 0, score: float = 0.9) -> Instance:
    instance = instance_of(where, likely(where), score, is_sign=False)
    assert instance is not None
    return Instance(class_id, score, instance.box_xyxy, instance.map_height, instance.map_width, instance.probability)


def seen(*who: Person | LoneFace, matte: Mask = BOTH) -> EmbeddedResult:
    people = tuple(w for w in who if isinstance(w, Person))
    return EmbeddedResult(likely(matte), people, tuple(w for w in who if isinstance(w, LoneFace)))


def area(instance: Instance) -> Mask:
    return likely_on(instance, SHAPE) > 0.3


def test_a_map_is_placed_in_its_box() -> None:
    probability = np.zeros((15, 15), np.uint8)
    probability[5:10, 5:10] = 255
    instance = Instance(0, 0.9, (0.25, 0.25, 0.75, 0.75), 15, 15, probability.tobytes())
    rows, columns = np.nonzero(likely_on(instance, SHAPE) > 0.5)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == pytest.approx((75, 105, 133, 187), abs=1)


def test_a_person_whom_the_small_networks_miss_keeps_the_map() -> None:
    mine = found(LEFT)
    assert combine([mine], seen(matte=LEFT), 0.3, 0.5) == (mine,)


def test_a_person_gets_the_cells_of_the_small_networks_within_the_instance() -> None:
    wide, narrow = box(65, 40, 140, 150), box(80, 50, 120, 145)
    (mine,) = combine([found(wide)], seen(person_at(100, narrow), matte=wide), 0.3, 0.5)
    np.testing.assert_array_equal(area(mine), narrow)
    (mine,) = combine([found(narrow)], seen(person_at(100, wide), matte=wide), 0.3, 0.5)
    np.testing.assert_array_equal(area(mine), box(76, 46, 124, 149))


def test_a_pose_that_the_small_networks_cannot_handle_keeps_the_mask_rcnns_map() -> None:
    (mine,) = combine([found(LEFT)], seen(person_at(100, box(95, 50, 105, 60)), matte=LEFT), 0.3, 0.5)
    np.testing.assert_array_equal(area(mine), LEFT)
    assert not mine.is_sign


def test_cells_of_another_body_are_removed_from_an_instance() -> None:
    mine, theirs = combine([found(BOTH), found(RIGHT)], seen(ME, OTHER), 0.3, 0.5)
    assert (area(mine) & RIGHT).sum() < 0.02 * RIGHT.sum()
    assert (area(mine) & LEFT).sum() > 0.9 * LEFT.sum()
    assert (area(theirs) & RIGHT).sum() > 0.9 * RIGHT.sum()


def test_a_person_whom_only_the_small_networks_find_is_added() -> None:
    mine, theirs = combine([found(BOTH)], seen(ME, OTHER), 0.3, 0.5)
    assert not mine.is_sign and not theirs.is_sign
    assert (area(mine) & RIGHT).sum() < 0.02 * RIGHT.sum()
    assert (area(theirs) & RIGHT).sum() > 0.9 * RIGHT.sum()


def test_a_lone_face_takes_its_cells_and_is_a_sign() -> None:
    mine, sign = combine([found(BOTH)], seen(ME, face_at(150)), 0.3, 0.5)
    assert sign.is_sign and not mine.is_sign
    assert not (area(mine) & face_at(150).head).any()
    assert area(sign)[60, 150]


def test_a_face_in_its_own_instance_is_not_another_person() -> None:
    theirs = found(RIGHT)
    assert combine([theirs], seen(face_at(150), matte=RIGHT), 0.3, 0.5) == (theirs,)


def test_an_instance_that_mostly_belongs_to_another_person_is_a_sign() -> None:
    doubled = found(box(128, 60, 183, 140))
    theirs, sign = combine([found(RIGHT), doubled], seen(OTHER, matte=RIGHT), 0.3, 0.5)
    assert not theirs.is_sign
    assert sign.is_sign


def test_a_region_that_belongs_to_nobody_is_a_sign() -> None:
    mine, sign = combine([found(LEFT)], seen(ME, matte=LEFT | box(220, 40, 260, 180)), 0.3, 0.5)
    assert (mine.is_sign, sign.is_sign) == (False, True)
    assert area(sign)[100, 240]


def test_a_person_below_the_confidence_is_a_sign() -> None:
    (shown,) = combine([], seen(ME, matte=LEFT), 0.3, 0.5)
    (hidden,) = combine([], seen(ME, matte=LEFT), 0.3, 0.999)
    assert (shown.is_sign, hidden.is_sign) == (False, True)
    assert (area(hidden) == area(shown)).all()


def test_things_are_not_changed() -> None:
    phone = found(box(150, 50, 160, 70), class_id=76)
    assert phone in combine([found(LEFT), phone], seen(ME, OTHER), 0.3, 0.5)


def test_a_body_belongs_to_the_instance_that_contains_it() -> None:
    assert owners_of([RIGHT, LEFT], seen(ME, OTHER), [LEFT, RIGHT]) == [OTHER, ME]
    assert owners_of([BOTH, RIGHT], seen(ME, OTHER), [LEFT, RIGHT]) == [ME, OTHER]
    assert owners_of([box(200, 0, 300, 20)], seen(ME), [LEFT]) == [None]
    assert owners_of([], seen(ME), [LEFT]) == []


@pytest.mark.model
def test_a_real_mask_rcnn_gives_the_subject_fewer_pixels_of_the_person_behind() -> None:
    from infer.combined_detector import CombinedDetector

    settings = InferSettings(mask_rcnn=MASK_RCNN)
    alone = MaskRcnn(settings)
    both = CombinedDetector(alone, settings.threshold, settings.confidence)
    leaks: dict[str, list[float]] = {"alone": [], "both": []}
    for frame in (100, 104, 108, 112, 164, 168):
        picture = scene().frame(frame)
        for name, detector in (("alone", alone), ("both", both)):
            leaks[name].append(leak(shares_of(detector.detect(picture), frame)))
    assert np.mean(leaks["both"]) < 0.5 * np.mean(leaks["alone"]), leaks
    assert SIZE_WH == (1280, 720)
