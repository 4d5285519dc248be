"""How long a look takes, by who looks and how many people there are."""

from __future__ import annotations

import os
from collections.abc import Callable

import cv2
import numpy as np

from capture.demo import DemoScene
from common.config import InferSettings
from infer.detector import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.witnessed import WitnessedDetector
from tests.bench.table import print_table
from tests.bench.timing import medians_us
from tests.shared import MASK_RCNN

ROUNDS = 15
LEFT, RIGHT, AWAY = 40, 200, 360  # frames of the demo at 30 a second, by where the bystander is


def pictures() -> list[np.ndarray]:
    """Pictures of nobody, one, two and three people."""
    scene = DemoScene(1280, 720, 30)
    three, left = scene.frame(RIGHT), scene.masks(LEFT).bystander
    three[left] = scene.frame(LEFT)[left]
    return [scene.wall, scene.frame(AWAY), scene.frame(RIGHT), three]


def detectors() -> dict[str, Detector]:
    """Everything that can look here."""
    found: dict[str, Detector] = {"embedded": EmbeddedDetector(InferSettings().confidence)}
    if MASK_RCNN.is_dir():
        settings = InferSettings(mask_rcnn=MASK_RCNN)
        mask_rcnn = MaskRcnn(settings)
        found["Mask R-CNN, cv2.dnn"] = mask_rcnn
        found["both"] = WitnessedDetector(mask_rcnn, settings.threshold)
    return found


def main() -> None:
    """In turn, so that a machine that slows down slows all alike; medians."""
    seen, who = pictures(), detectors()
    rows: list[dict[str, object]] = []
    for threads in sorted({1, min(2, os.cpu_count() or 1)}):
        cv2.setNumThreads(threads)
        work = {(name, n): _look(detector, seen[n]) for name, detector in who.items() for n in range(len(seen))}
        took = medians_us({f"{name} {n}": call for (name, n), call in work.items()}, ROUNDS)
        for name, detector in who.items():
            people = [sum(i.class_id == 0 and not i.is_sign for i in detector.detect(picture)) for picture in seen]
            times = {f"{n} people ms": took[f"{name} {n}"] / 1e3 for n in range(len(seen))}
            rows.append({"who": name, "threads": threads, **times, "found": people})
    print_table("a look at 1280 x 720 by people in the picture; the small networks have one thread always", rows)


def _look(detector: Detector, picture: np.ndarray) -> Callable[[], object]:
    return lambda: detector.detect(picture)
