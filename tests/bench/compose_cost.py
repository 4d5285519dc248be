"""Cost of composing: blur against cv2.GaussianBlur, blend, alpha, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from capture.demo import DemoScene
from common.config import InferSettings
from compose import alpha
from compose.blend import blend, blur
from infer.detector import MatteDetector
from tests.bench.table import print_table

ROUNDS = 40
KERNEL = 41


def row_of(width: int, height: int) -> dict[str, object]:
    """Every step at one size, in turn; medians in ms."""
    picture = DemoScene(width, height, 30).frame(100)
    person = MatteDetector(InferSettings()).detect(picture)[0]
    who = alpha.of_instance(person, (width, height), 0.3, "soft")
    into, behind = np.empty_like(picture), blur(picture, KERNEL)
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
    return {
        "size": f"{width} x {height}",
        **{f"{name} ms": ms for name, ms in median.items()},
        "blur / GaussianBlur": median["blur"] / median["GaussianBlur"],
        "PSNR dB": float(cv2.PSNR(behind, cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0))),
    }


def main() -> None:
    """At several sizes, on one thread."""
    cv2.setNumThreads(1)
    rows = [row_of(*size_wh) for size_wh in ((640, 480), (1280, 720), (1920, 1080))]
    print_table("composing, one thread, medians", rows)
