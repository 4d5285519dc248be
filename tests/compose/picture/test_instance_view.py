from __future__ import annotations

import numpy as np

from common.ipc.messages import MasksInferred
from common.ipc.records import Instance
from compose.picture.instance_view import FORGOTTEN_NS, InstanceView, Tracks, colour_of, iou

DOG, CHAIR = 17, 61


def at(x: float, class_id: int = 0) -> Instance:
    return Instance(class_id, 0.9, (x, 0.2, x + 0.2, 0.8), 1, 1, b"\xff")


def result(*instances: Instance, at_ns: int = 0, epoch: int = 1) -> MasksInferred:
    return MasksInferred(epoch, 1, at_ns, 1, "w", "m", instances)


def test_boxes_overlap_by_their_share() -> None:
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert iou((0, 0, 1, 1), (0.5, 0, 1, 1)) == 0.5
    assert iou((0, 0, 0.4, 1), (0.5, 0, 1, 1)) == 0


def test_a_thing_keeps_its_number_whatever_its_place_in_the_list() -> None:
    tracks = Tracks()
    assert tracks.number(result(at(0.1), at(0.6))) == [1, 2]
    assert tracks.number(result(at(0.62), at(0.12))) == [2, 1]
    assert tracks.number(result(at(0.64), at(0.1, DOG))) == [2, 3], "a dog where a person was is another thing"


def test_a_thing_that_was_missed_for_a_moment_keeps_its_number_and_one_gone_for_long_does_not() -> None:
    tracks = Tracks()
    assert tracks.number(result(at(0.1))) == [1]
    assert tracks.number(result(at_ns=FORGOTTEN_NS // 2)) == []
    assert tracks.number(result(at(0.1), at_ns=FORGOTTEN_NS)) == [1]
    assert tracks.number(result(at_ns=2 * FORGOTTEN_NS + 1)) == []
    assert tracks.number(result(at(0.1), at_ns=2 * FORGOTTEN_NS + 2)) == [2]
    assert tracks.number(result(at(0.1), epoch=2)) == [1]


def test_neighbouring_numbers_have_colours_that_differ() -> None:
    colours = np.array([colour_of(number) for number in range(1, 9)], int)
    away = np.abs(colours[:, None] - colours).max(-1)[~np.eye(8, dtype=bool)]
    assert away.min() > 40


def test_every_instance_is_tinted_and_framed_over_the_camera_s_own_picture() -> None:
    view, picture = InstanceView(0.3), np.full((360, 640, 3), 90, np.uint8)
    into = np.empty_like(picture)
    view.update(result(at(0.1), at(0.6, CHAIR)))
    view.render(picture, 1, into)
    assert (into[:, 280:360] == 90).all()
    tints = [into[200, round(640 * x)].astype(int) for x in (0.2, 0.7)]
    assert np.abs(tints[0] - tints[1]).max() > 30 and all(np.abs(t - 90).max() > 30 for t in tints)
    view.render(picture, 2, into)
    assert (into == picture).all(), "results of another epoch are not drawn"
