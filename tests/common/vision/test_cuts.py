from __future__ import annotations

import cv2
import numpy as np

from capture.demo import DemoScene
from common.vision.cuts import CutDetector


def picture(scene: DemoScene, index: int) -> np.ndarray:
    return np.asarray(cv2.resize(scene.frame(index), (256, 144)), np.uint8)


def test_somebody_who_walks_by_is_no_cut() -> None:
    scene, cuts = DemoScene(640, 360, 30), CutDetector()
    assert not any(cuts.is_cut(picture(scene, index)) for index in range(0, 300, 10))


def test_another_picture_is_a_cut_once() -> None:
    cuts, other = CutDetector(), np.full((144, 256, 3), (200, 60, 30), np.uint8)
    scene = DemoScene(640, 360, 30)
    found = [cuts.is_cut(small) for small in (picture(scene, 0), picture(scene, 1), other, other, picture(scene, 2))]
    assert found == [False, False, True, False, True]


def test_a_lamp_that_is_switched_on_is_no_cut() -> None:
    cuts, dark = CutDetector(), picture(DemoScene(640, 360, 30), 0)
    bright = np.asarray(cv2.convertScaleAbs(dark, alpha=1.05, beta=12), np.uint8)
    assert [cuts.is_cut(small) for small in (dark, bright)] == [False, False]
