"""One look at a frame where it is needed, by the networks that it needs."""

from __future__ import annotations

import time
from typing import NamedTuple

from common.ipc.messages import FrameCaptured, Instance, LooksWanted
from common.metrics.metrics import figures
from common.vision.arrays import BgrImage
from infer.detector_protocol import Detector
from infer.static_scene import Glance, Need, Still, glance_at
from infer.witnessed import WitnessedDetector

# so long at most the small networks confirm alone that one calm person is still there; the Mask R-CNN sees whom they miss
BOTH_AGAIN_NS = 4_000_000_000


class Looked(NamedTuple):
    """What is in a frame and who found it, how much earlier the frame was captured that was looked at for it, and the
    processor time of the look."""

    instances: tuple[Instance, ...]
    model: str
    held_ns: int = 0
    cpu_ns: int = 0


class Looks:
    """Looks at frames where somebody else may be in them; where nothing has moved since the last one, once in a while says
    its result again.

    Args:
        detector: Finds people.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector, self._still = detector, Still()
        self._small = detector.small if isinstance(detector, WitnessedDetector) else detector
        self._model = detector.model  # who looks
        self._both_ns = 0  # when the frame was captured that the Mask R-CNN looked at last

    def at(self, message: FrameCaptured, picture: BgrImage, wanted: LooksWanted) -> Looked | None:
        """What is in a frame, (h, w, 3) uint8 BGR as `Work` gives it; None where that needs no saying."""
        glance = glance_at(picture, message.epoch, message.frame_id, message.captured_ns)
        need = self._still.need(glance, wanted)
        if need in (Need.SAME, Need.OWN):
            figures.count("looks_spared")
            if need is Need.OWN or not self._still.is_to_be_said(message.captured_ns, wanted):
                return None
            return Looked(self._still.instances, self._model, self._still.held_ns(message.captured_ns))
        figures.count("looks_wanted", why=need)
        begun, spent_s = time.monotonic(), time.process_time()
        instances = self._look(glance, picture, wanted, may_confirm=need in (Need.AGE, Need.MOTION))
        took_s, cpu_s = time.monotonic() - begun, time.process_time() - spent_s
        self._still.keep(glance, instances, round(1e9 * took_s))
        figures.observe("inference_seconds", took_s)
        return Looked(instances, self._model, cpu_ns=round(1e9 * cpu_s))

    def _look(
        self, glance: Glance, picture: BgrImage, wanted: LooksWanted, *, may_confirm: bool
    ) -> tuple[Instance, ...]:
        """What is in a frame, by whoever must look: the small networks may confirm without the Mask R-CNN, for a while, that one
        calm person is still there alone. Where they find anything else both look."""
        if wanted.light:
            self._model = self._small.model
            return self._small.detect(picture)
        is_both = self._small is not self._detector
        if may_confirm and is_both and not wanted.things and glance.captured_ns - self._both_ns < BOTH_AGAIN_NS:
            found = self._small.detect(picture)
            if self._still.confirms(glance, found):
                return found
        self._model, self._both_ns = self._detector.model, glance.captured_ns
        return self._detector.detect(picture)
