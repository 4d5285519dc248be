"""Runs the detector on a frame if the frame needs it, with the networks that it needs."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple

from common.ipc.messages import InferenceScheduled
from common.ipc.records import DetectorKind, FrameInfo, Instance
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from infer.combined_detector import CombinedDetector
from infer.detector_protocol import Detector
from infer.static_scene import Need, StaticSceneCache, Thumbnail, make_thumbnail

# the Mask R-CNN runs at least this often beside a lone person: it finds people whom the small networks miss
MASK_RCNN_INTERVAL_NS = 4_000_000_000


class InferenceResult(NamedTuple):
    """The result for a frame.

    instances: What is in the frame.
    model: Name of the networks that found it.
    detector: Their kind.
    held_ns: Time from the capture of the inferred frame to that of this one; 0 if this frame was inferred.
    cpu_ns: Processor time of the inference; 0 if there was none.
    """

    instances: tuple[Instance, ...]
    model: str
    detector: DetectorKind
    held_ns: int = 0
    cpu_ns: int = 0


class Inference:
    """Run the detector on frames in which somebody else may be. While the scene is static, republish the last result.

    Args:
        detector: Finds people.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector, self._cache = detector, StaticSceneCache()
        self._small = detector.small if isinstance(detector, CombinedDetector) else detector
        self._used = detector  # what ran last
        self._mask_rcnn_ns = 0  # capture time of the frame on which the Mask R-CNN ran last

    def run(self, frame: FrameInfo, picture: BgrImage, schedule: InferenceScheduled) -> InferenceResult | None:
        """Return the result for a frame, or None if there is nothing to publish.

        Args:
            frame: Describes the frame.
            picture: (h, w, 3) uint8 BGR, the frame or a level of its pyramid.
            schedule: What compose wants of the workers.
        """
        thumbnail = make_thumbnail(picture, frame.epoch, frame.frame_id, frame.captured_ns)
        need = self._cache.need(thumbnail, schedule)
        if need in (Need.SAME, Need.OWN):
            metrics.count("inferences_skipped")
            if need is Need.OWN or not self._cache.should_republish(frame.captured_ns, schedule):
                return None
            return InferenceResult(
                self._cache.instances, self._used.model, self._used.kind, self._cache.held_ns(frame.captured_ns)
            )
        metrics.count("inferences", why=need)
        begun, spent_s = time.monotonic(), time.process_time()
        may_confirm = need in (Need.AGE, Need.MOTION) and self._cache.follows(schedule)
        instances = self._detect(thumbnail, picture, schedule, may_confirm=may_confirm)
        took_s, cpu_s = time.monotonic() - begun, time.process_time() - spent_s
        self._cache.store(thumbnail, instances, round(1e9 * took_s))
        metrics.observe("inference_seconds", took_s)
        return InferenceResult(instances, self._used.model, self._used.kind, cpu_ns=round(1e9 * cpu_s))

    def _detect(
        self, thumbnail: Thumbnail, picture: BgrImage, schedule: InferenceScheduled, *, may_confirm: bool
    ) -> tuple[Instance, ...]:
        """Run the networks that the frame needs.

        For a while the embedded detector may confirm, without the Mask R-CNN, that a lone person is still alone. If it finds
        anything else, both run.
        """
        if schedule.light:
            self._used = self._small
            return self._small.detect(picture)
        self._used, is_confirmed = self._detector, False
        is_recent = thumbnail.captured_ns - self._mask_rcnn_ns < MASK_RCNN_INTERVAL_NS
        if may_confirm and is_recent and not schedule.things and isinstance(self._detector, CombinedDetector):
            confirms = partial(self._cache.confirms, thumbnail)
            found, is_confirmed = self._detector.confirm_or_detect(picture, confirms)
        else:
            found = self._detector.detect(picture)
        if not is_confirmed:
            self._mask_rcnn_ns = thumbnail.captured_ns
        return found
