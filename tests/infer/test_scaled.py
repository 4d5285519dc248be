"""At which size a network sees a picture, and which pictures are too small for any network."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from common.vision.assets import ASTRONAUT, fetch
from common.vision.pyramid import ImagePyramid
from infer.detector_protocol import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.scaled import LEAST_SIDE, network_wh, scaled
from infer.settings import InferSettings
from tests.shared import MASK_RCNN


@pytest.mark.parametrize(
    ("size_wh", "expected_wh"),
    [
        ((1280, 720), (600, 338)),
        ((1920, 1080), (600, 338)),
        ((1080, 1920), (338, 600)),
        ((640, 480), (520, 390)),
        ((1000, 1000), (450, 450)),
        ((7680, 4320), (600, 338)),
        ((320, 240), (320, 240)),
        ((1280, 100), (1280, 100)),
    ],
)
def test_a_picture_of_any_shape_has_the_same_area(size_wh: tuple[int, int], expected_wh: tuple[int, int]) -> None:
    assert network_wh(size_wh, 600) == expected_wh
    assert scaled(np.zeros((*size_wh[::-1], 3), np.uint8), 600).shape == (*expected_wh[::-1], 3)


def test_a_fixed_size_of_the_network_is_kept() -> None:
    assert scaled(np.zeros((1920, 1080, 3), np.uint8), 600, (320, 320)).shape == (320, 320, 3)


DETECTORS: dict[str, Callable[[], Detector]] = {
    "embedded": lambda: EmbeddedDetector(0.1),
    "mask-rcnn": lambda: MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN, confidence=0.1)),
}


@pytest.mark.parametrize("kind", ["embedded", pytest.param("mask-rcnn", marks=pytest.mark.model)])
def test_in_a_picture_that_is_too_small_nobody_is_found(kind: str) -> None:
    """In a picture of 32 x 32 both found something: a person, and a thing in noise."""
    detector, person = DETECTORS[kind](), cv2.imread(str(fetch(ASTRONAUT)))
    for size_wh in ((32, 32), (1280, 40), (40, 1280), (LEAST_SIDE - 1, 500), (1, 1)):
        noise = np.random.default_rng(1).integers(0, 256, (*size_wh[::-1], 3), dtype=np.uint8)
        for picture in (noise, np.asarray(cv2.resize(person, size_wh, interpolation=cv2.INTER_AREA), np.uint8)):
            assert detector.detect(picture) == ()
    small = np.asarray(cv2.resize(person, (160, 160), interpolation=cv2.INTER_AREA), np.uint8)
    assert detector.detect(small), "the control: a person in a picture that is large enough"
    # of a long frame a worker reads a level of the pyramid: that must not be too small where the frame is not
    level = ImagePyramid(np.zeros((500, 8000, 3), np.uint8)).smallest_at_least(*detector.least_wh)
    assert min(level.shape[:2]) >= LEAST_SIDE
