"""Forward passes: rate and accuracy by proposals and detections, and by number of workers."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from common.config import InferSettings
from compose import alpha, subject
from infer.detector import MaskRcnn
from tests.bench.table import print_table
from tests.shared import FOOTAGE, MASK_RCNN, SIGNERS
from tests.workers import masks_a_second

ROUNDS = 5


def reference_iou(net: MaskRcnn) -> float:
    """Mean IoU of the most confident person with the shared reference masks (128 does not score)."""
    overlaps = []
    for clip in ("again", "milk"):
        for path in sorted((SIGNERS / f"reference/{clip}/masks").glob("*.png")):
            truth = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
            picture = np.asarray(cv2.imread(str(path.parent.parent / "frames" / f"{path.stem}.jpg")), np.uint8)
            people = subject.people_of(net.detect(picture), 0.5)
            kept = np.zeros(truth.shape, bool)
            if people:
                opacity, (x0, y0, x1, y1) = alpha.of_instance(people[0], picture.shape[1::-1], 0.3, "soft")
                kept[y0:y1, x0:x1] = opacity > 127
            known, person = truth != 128, truth == 255
            overlaps.append(float((kept & person & known).sum() / ((kept | person) & known).sum()))
    return float(np.mean(overlaps))


def proposals() -> None:
    """In turn, so that a machine that slows down slows all alike; medians."""
    cv2.setNumThreads(2)
    webcam = [
        np.asarray(cv2.imread(str(p)), np.uint8) for p in sorted((SIGNERS / "reference/again/frames").glob("*.jpg"))[:4]
    ]
    crowd = np.asarray(cv2.imread(str(FOOTAGE / "davis2016/dance-twirl/frames/00030.jpg")), np.uint8)
    pairs = ((0, 0), (60, 20), (30, 10), (30, 6), (20, 10), (20, 7), (20, 5), (10, 5))
    nets = [MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN, proposals=p, detections=d)) for p, d in pairs]
    times: list[dict[str, list[float]]] = [{"webcam": [], "crowd": []} for _ in pairs]
    for _ in range(ROUNDS):
        for net, taken in zip(nets, times, strict=True):
            for name, pictures in (("webcam", webcam), ("crowd", [crowd])):
                for picture in pictures:
                    begun = time.perf_counter()
                    net.detect(picture)
                    taken[name].append((time.perf_counter() - begun) * 1e3)
    base = {name: float(np.median(taken)) for name, taken in times[0].items()}
    rows = []
    for (p, d), net, taken in zip(pairs, nets, times, strict=True):
        row: dict[str, object] = {"proposals": p, "detections": d, "iou": reference_iou(net)}
        for name in taken:
            ms = float(np.median(taken[name]))
            row |= {f"{name} ms": ms, f"{name} rate": base[name] / ms}
        rows.append({**row, "people in crowd": sum(i.class_id == 0 for i in net.detect(crowd))})
    print_table("forward pass on 2 threads; rate as a multiple of the unedited graph", rows)


def workers() -> None:
    """Masks a second of real worker processes, one thread each, nothing else running."""
    rows: list[dict[str, object]] = []
    for count in (1, 2, 1, 2):
        with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
            rows.append({"workers": count, "masks a second": masks_a_second(count, Path(folder), MASK_RCNN, 8.0)})
    print_table("masks a second by workers, one thread each", rows)
