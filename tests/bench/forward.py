"""Forward passes: rate and accuracy by proposals and detections, and by number of workers."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from capture.demo import DemoScene
from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from infer.mask_rcnn import MaskRcnn
from infer.settings import InferSettings
from tests.bench.masks import reference_iou
from tests.bench.table import print_table
from tests.bench.timing import medians_us
from tests.shared import FOOTAGE, MASK_RCNN, SIGNERS
from tests.workers import masks_a_second

ROUNDS = 5
MATTE_WHOLE = "matte"


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


def models() -> None:
    """By model and by threads, on one picture."""
    stills = sorted((SIGNERS / "reference/again/frames").glob("*.jpg"))
    picture = np.asarray(cv2.imread(str(stills[0])), np.uint8) if stills else DemoScene(1280, 720, 30).frame(100)
    matte = Matte(fetch(MATTE))
    work: dict[str, Callable[[], object]] = {MATTE_WHOLE: lambda: matte.infer(picture)}
    if MASK_RCNN.is_dir():
        mask_rcnn = MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN))
        work["Mask R-CNN"] = lambda: mask_rcnn.detect(picture)
    took: dict[tuple[str, int], float] = {}
    for threads in range(1, (os.cpu_count() or 1) + 1):
        cv2.setNumThreads(threads)
        took |= {(name, threads): us / 1e3 for name, us in medians_us(work, 3 * ROUNDS).items()}
    rows = [
        {"what": name, "threads": threads, "ms": ms, "/ one thread": ms / took[name, 1], "/ matte": ms / took[MATTE_WHOLE, 1]}
        for (name, threads), ms in took.items()
    ]  # fmt: skip
    print_table("forward passes; the matte has one thread always", rows)


def workers() -> None:
    """Masks a second of real worker processes, one thread each, nothing else running."""
    rows: list[dict[str, float]] = []
    for count in (1, 2, 1, 2):
        with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
            rows.append({"workers": count, "masks a second": masks_a_second(count, Path(folder), MASK_RCNN, 8.0)})
    for row in rows:
        row["/ 1 worker"] = row["masks a second"] / rows[0]["masks a second"]
    print_table("masks a second by workers, one thread each", rows)
