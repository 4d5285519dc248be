"""A worker runs the Mask R-CNN and the small networks, or the small networks alone if that is enough."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from capture.demo import DemoScene
from common.ipc.messages import InferenceScheduled
from common.ipc.records import DetectorKind, FrameInfo, Instance
from infer import inference as module
from infer.combined_detector import CombinedDetector
from infer.embedded.detector import EMBEDDED, EmbeddedDetector
from infer.embedded.networks import EmbeddedResult
from infer.inference import MASK_RCNN_INTERVAL_NS, Inference
from infer.static_scene import ALONE_NS, MAX_HOLD_ALONE_NS
from tests.counting import Counting, Found

SCHEDULE = InferenceScheduled(0.0, True, False, False, 0, 0, 2000)
SOMEBODY = (Instance(0, 0.9, (0.2, 0.2, 0.6, 0.9), 1, 1, b"\xff"),)
SIGN = Instance(0, 0.2, (0.8, 0.4, 0.9, 0.9), 1, 1, b"\xff", is_sign=True)


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often the networks run depends on how long they take, and a busy machine may take any time."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.0, process_time=lambda: 0.0))


def frame(number: int, captured_ns: int) -> FrameInfo:
    return FrameInfo(1, number, captured_ns, number, "s", number, 360, 640)


def test_the_mask_rcnn_does_not_run_while_the_processor_is_too_busy() -> None:
    mask_rcnn, scene = Counting(lambda picture: ()), DemoScene(640, 360, 30)
    inference, models = Inference(CombinedDetector(mask_rcnn, 0.3, 0.5)), []
    for number, light in enumerate((False, True, True, False)):
        schedule = InferenceScheduled(0.0, True, light, False, 0, 0, 750)
        result = inference.run(frame(number, number * 10**9), scene.frame(30 * number), schedule)
        assert result is not None
        assert any(not i.is_sign for i in result.instances)
        models.append((result.model, result.detector))
    assert mask_rcnn.inferences == 2
    both = ("counting, beside the embedded detector", DetectorKind.MASK_RCNN)
    small = (EMBEDDED, DetectorKind.EMBEDDED)
    assert models == [both, small, small, both]


class FixedSmall(EmbeddedDetector):
    """Finds what it is given, whatever the networks say."""

    def __init__(self, found: Found) -> None:
        super().__init__(0.5)
        self.found, self.inferences = found, 0

    def instances(self, result: EmbeddedResult) -> Found:
        self.inferences += 1
        return self.found


class FixedBoth(CombinedDetector):
    """Finds what its Mask R-CNN finds where both run."""

    def _both(self, found: Found, result: EmbeddedResult) -> Found:
        return found


class LonePersonCall:
    """A call with one person before a plain wall. `small` is what the small networks find."""

    def __init__(self, small: Found, *, schedule: InferenceScheduled = SCHEDULE) -> None:
        self.mask_rcnn, self.small = Counting(lambda picture: SOMEBODY), FixedSmall(small)
        detector = FixedBoth(self.mask_rcnn, 0.3, 0.5)
        detector.small = self.small
        self._inference, self._wanted, self._number = Inference(detector), schedule, 0
        self.models: set[str] = set()
        self.pass_time(ALONE_NS + MAX_HOLD_ALONE_NS)  # until the person counts as alone

    def pass_time(self, for_ns: int, moved: int = 0) -> int:
        """Return how often the Mask R-CNN ran meanwhile. A corner of the picture is `moved` grey levels brighter."""
        picture, before = np.full((360, 640, 3), 120, np.uint8), self.mask_rcnn.inferences
        picture[:60, -60:] += moved
        for _ in range(for_ns // 10**8):
            self._number += 1
            if result := self._inference.run(frame(self._number, self._number * 10**8), picture, self._wanted):
                self.models.add(result.model)
        return self.mask_rcnn.inferences - before


def test_the_small_networks_alone_confirm_a_lone_person() -> None:
    call = LonePersonCall(SOMEBODY)
    assert call.pass_time(3 * MASK_RCNN_INTERVAL_NS) in (2, 3), "both run once in a while"
    assert call.small.inferences >= 6
    assert len(call.models) == 1, "the name of the detector does not change with a confirmation"


def test_both_run_if_the_small_networks_do_not_confirm_it() -> None:
    for found in ((), (*SOMEBODY, *SOMEBODY), (*SOMEBODY, SIGN)):
        call = LonePersonCall(found)
        assert call.pass_time(MASK_RCNN_INTERVAL_NS) == MASK_RCNN_INTERVAL_NS // MAX_HOLD_ALONE_NS


def test_both_run_if_somebody_may_come_in() -> None:
    call = LonePersonCall(SOMEBODY)
    assert call.pass_time(10**8, moved=60) == 1


def test_the_small_networks_confirm_that_only_the_lone_person_has_moved() -> None:
    call = LonePersonCall((Instance(0, 0.9, (0.2, 0.0, 1.0, 0.9), 1, 1, b"\xff"),))
    assert call.pass_time(10**8, moved=60) == 0


def test_both_run_if_things_are_shown() -> None:
    call = LonePersonCall(SOMEBODY, schedule=InferenceScheduled(0.0, True, False, True, 0, 0, 2000))
    assert call.pass_time(MASK_RCNN_INTERVAL_NS) >= 3
    assert call.small.inferences == 0


def test_both_run_at_once_if_compose_does_not_follow_that_person_for_long() -> None:
    """The Mask R-CNN ran after the small networks, too late for a mask that may be 750 ms old: a busy machine hid the person."""
    call = LonePersonCall(SOMEBODY, schedule=InferenceScheduled(0.0, True, False, False, 0, 0, 750))
    assert call.pass_time(MASK_RCNN_INTERVAL_NS) >= 4
    assert call.small.inferences == 0
