"""How long an inference takes, by detector and number of people."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from capture.demo import DemoScene
from infer.combined_detector import CombinedDetector
from infer.detector_protocol import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.onnx_mask_rcnn import OnnxMaskRcnn
from infer.settings import CPU, InferSettings
from infer.to_onnx import write_onnx
from tests.bench.table import print_table
from tests.bench.timing import medians_us
from tests.shared import MASK_RCNN, MASK_RCNN_2GO

ROUNDS = 15
LEFT, RIGHT, AWAY = 40, 200, 360  # frames of the demo at 30 a second, by where the bystander is


def pictures() -> list[np.ndarray]:
    """Pictures of nobody, one, two and three people."""
    scene = DemoScene(1280, 720, 30)
    three, left = scene.frame(RIGHT), scene.masks(LEFT).bystander
    three[left] = scene.frame(LEFT)[left]
    return [scene.wall, scene.frame(AWAY), scene.frame(RIGHT), three]


def detectors(folder: Path) -> dict[str, Detector]:
    """Everything that can look here; the small Mask R-CNN is written to `folder`."""
    found: dict[str, Detector] = {"embedded": EmbeddedDetector(InferSettings().confidence)}
    if MASK_RCNN.is_dir():
        settings, file = InferSettings(mask_rcnn=MASK_RCNN), folder / "model.onnx"
        write_onnx(MASK_RCNN_2GO, file)
        found["Mask R-CNN, cv2.dnn"] = MaskRcnn(settings)
        found["Mask R-CNN, ONNX"] = mask_rcnn = OnnxMaskRcnn(file, CPU, settings)
        found["both, ONNX"] = CombinedDetector(mask_rcnn, settings.threshold, settings.confidence)
    return found


def main() -> None:
    """In turn, so that a machine that slows down slows all alike; medians."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        _print_looks(pictures(), detectors(Path(folder)))


def _print_looks(seen: list[np.ndarray], kinds: dict[str, Detector]) -> None:
    rows: list[dict[str, object]] = []
    for threads in sorted({1, min(2, os.cpu_count() or 1)}):
        cv2.setNumThreads(threads)
        work = {(name, n): _look(detector, seen[n]) for name, detector in kinds.items() for n in range(len(seen))}
        took = medians_us({f"{name} {n}": call for (name, n), call in work.items()}, ROUNDS)
        for name, detector in kinds.items():
            people = [sum(i.class_id == 0 and not i.is_sign for i in detector.detect(picture)) for picture in seen]
            times = {f"{n} people ms": took[f"{name} {n}"] / 1e3 for n in range(len(seen))}
            rows.append({"detector": name, "threads": threads, **times, "found": people})
    print_table("a look at 1280 x 720 by people in the picture; the small networks have one thread always", rows)


def _look(detector: Detector, picture: np.ndarray) -> Callable[[], object]:
    return lambda: detector.detect(picture)
