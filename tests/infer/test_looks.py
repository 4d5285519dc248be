"""A worker looks with the Mask R-CNN and the small networks, or with those alone where that is enough."""

from __future__ import annotations

import numpy as np

from capture.demo import DemoScene
from common.ipc.messages import InferenceScheduled
from common.ipc.records import DetectorKind, FrameInfo, Instance
from infer.embedded.detector import EMBEDDED
from infer.looks import BOTH_AGAIN_NS, Looks
from infer.static_scene import ALONE_NS, CALM_AGAIN_NS
from infer.witnessed import WitnessedDetector
from tests.counting import Counting, Found

WANTED = InferenceScheduled(0.0, True, False, False, 0, 0, 2000)
SOMEBODY = (Instance(0, 0.9, (0.2, 0.2, 0.6, 0.9), 1, 1, b"\xff"),)
SIGN = Instance(0, 0.2, (0.8, 0.4, 0.9, 0.9), 1, 1, b"\xff", is_sign=True)


def frame(number: int, captured_ns: int) -> FrameInfo:
    return FrameInfo(1, number, captured_ns, number, "s", number, 360, 640)


def test_the_mask_rcnn_rests_while_the_processor_is_too_busy_for_it() -> None:
    mask_rcnn, scene = Counting(lambda picture: ()), DemoScene(640, 360, 30)
    looks, models = Looks(WitnessedDetector(mask_rcnn, 0.3, 0.5)), []
    for number, light in enumerate((False, True, True, False)):
        wanted = InferenceScheduled(0.0, True, light, False, 0, 0, 750)
        looked = looks.at(frame(number, number * 10**9), scene.frame(30 * number), wanted)
        assert looked is not None
        assert any(not i.is_sign for i in looked.instances)
        models.append((looked.model, looked.detector))
    assert mask_rcnn.looks == 2
    both, small = ("counting, beside the embedded who", DetectorKind.MASK_RCNN), (EMBEDDED, DetectorKind.EMBEDDED)
    assert models == [both, small, small, both]


class Calm:
    """One person alone in front of a plain wall, with a Mask R-CNN and what the small networks find from some time on."""

    def __init__(self, small: Found, *, wanted: InferenceScheduled = WANTED) -> None:
        self.mask_rcnn, self.small = Counting(lambda picture: SOMEBODY), Counting(lambda picture: small)
        detector = WitnessedDetector(self.mask_rcnn, 0.3, 0.5)
        detector.small = self.small
        self._looks, self._wanted, self._number = Looks(detector), wanted, 0
        self.models: set[str] = set()
        self.pass_time(ALONE_NS + CALM_AGAIN_NS)  # until it is calm

    def pass_time(self, for_ns: int, moved: int = 0) -> int:
        """How often the Mask R-CNN looks meanwhile; a corner of the picture gets brighter by `moved` grey levels."""
        picture, before = np.full((360, 640, 3), 120, np.uint8), self.mask_rcnn.looks
        picture[:60, -60:] += moved
        for _ in range(for_ns // 10**8):
            self._number += 1
            if looked := self._looks.at(frame(self._number, self._number * 10**8), picture, self._wanted):
                self.models.add(looked.model)
        return self.mask_rcnn.looks - before


def test_the_small_networks_confirm_alone_that_one_calm_person_is_still_there() -> None:
    call = Calm(SOMEBODY)
    assert call.pass_time(3 * BOTH_AGAIN_NS) in (2, 3), "both look once in a while"
    assert call.small.looks >= 6
    assert len(call.models) == 1, "it is said who looks, not who confirms"


def test_both_look_where_the_small_networks_do_not_confirm_it() -> None:
    for found in ((), (*SOMEBODY, *SOMEBODY), (*SOMEBODY, SIGN)):
        call = Calm(found)
        assert call.pass_time(BOTH_AGAIN_NS) == BOTH_AGAIN_NS // CALM_AGAIN_NS


def test_both_look_where_somebody_may_come() -> None:
    call = Calm(SOMEBODY)
    assert call.pass_time(10**8, moved=60) == 1


def test_the_small_networks_confirm_that_only_that_person_has_moved() -> None:
    call = Calm((Instance(0, 0.9, (0.2, 0.0, 1.0, 0.9), 1, 1, b"\xff"),))
    assert call.pass_time(10**8, moved=60) == 0


def test_both_look_where_things_are_shown() -> None:
    call = Calm(SOMEBODY, wanted=InferenceScheduled(0.0, True, False, True, 0, 0, 2000))
    assert call.pass_time(BOTH_AGAIN_NS) >= 3
    assert call.small.looks == 0
