"""Cost of composing: blur against cv2.GaussianBlur, blend, alpha, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from capture.demo import DemoScene
from compose import alpha
from compose.blend import blend, blur
from infer.detector import MatteDetector
from common.config import InferSettings
from tests.bench.table import print_table

ROUNDS = 40
KERNEL = 41


def main() -> None:
    """In turn, medians, at several sizes."""
    cv2.setNumThreads(1)
    rows = []
    for width, height in ((640, 480), (1280, 720), (1920, 1080)):
        picture = DemoScene(width, height, 30).frame(100)
        person = MatteDetector(InferSettings()).detect(picture)[0]
        who = alpha.of_instance(person, (width, height), 0.3, "soft")
        into = np.empty_like(picture)
        behind = blur(picture, KERNEL)
        work: dict[str, Callable[[], object]] = {
            "GaussianBlur": lambda: cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0),
            "blur": lambda: blur(picture, KERNEL),
            "weighted blur": lambda: blur(picture, KERNEL, who),
            "alpha": lambda: alpha.of_instance(person, (width, height), 0.3, "soft"),
            "blend": lambda: blend(picture, behind, who, into),
        }
        taken: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(ROUNDS):
            for name, call in work.items():
                begun = time.perf_counter()
                call()
                taken[name].append((time.perf_counter() - begun) * 1e3)
        median = {name: float(np.median(values)) for name, values in taken.items()}
        rows.append({
            "size": f"{width} x {height}", **{f"{name} ms": ms for name, ms in median.items()},
            "blur / GaussianBlur": median["blur"] / median["GaussianBlur"],
            "PSNR dB": float(cv2.PSNR(behind, cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0))),
        })  # fmt: skip
    print_table("composing, one thread, medians", rows)
