"""A worker looks with the Mask R-CNN and the small networks, or with those alone where compose says that it is better."""

from __future__ import annotations

from capture.demo import DemoScene
from common.messages import FrameCaptured, LooksWanted
from infer.embedded.detector import EMBEDDED
from infer.loop import Looks
from infer.witnessed import WitnessedDetector
from tests.counting import Counting


def test_the_mask_rcnn_rests_while_the_processor_is_too_busy_for_it() -> None:
    mask_rcnn, scene = Counting(lambda picture: ()), DemoScene(640, 360, 30)
    looks, models = Looks(WitnessedDetector(mask_rcnn, 0.3, 0.5)), []
    for number, light in enumerate((False, True, True, False)):
        wanted = LooksWanted(0.0, True, light, 0, 0, 750)
        frame = FrameCaptured(1, number, number * 10**9, number, "s", number, 360, 640)
        looked = looks.at(frame, scene.frame(30 * number), wanted)
        assert looked is not None
        assert any(not i.is_sign for i in looked.instances)
        models.append(looked.model)
    assert mask_rcnn.looks == 2
    assert models == ["counting, beside the embedded who", EMBEDDED, EMBEDDED, "counting, beside the embedded who"]
