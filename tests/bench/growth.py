"""How the cost grows with people in view, the picture's size, workers and displays: tables, and curves beside their bound."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from infer.detector import open_detector
from infer.settings import InferSettings
from tests.bench.calls import MODEL, Figures, cores, record_call
from tests.bench.clips import AGAIN, FPS, footage, scaled, tiled, tiles
from tests.bench.machine import describe
from tests.bench.plot import Panel, Points, draw
from tests.bench.table import print_table
from tests.bench.timing import medians_us
from tests.shared import ROOT

PLOT = ROOT / "bench.png"
SECONDS = 14.0
SIZE_WH = (1280, 720)
PEOPLE, WORKERS, DISPLAYS = tuple(range(1, 9)), (1, 2, 3), (1, 2, 3, 4)
SIZES_WH = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
COPIES = 4  # of every picture: into the frames' ring, out of it, into the composites' ring, out of it


def main() -> None:
    """Measure what grows, one thing at a time, from the same call; print, and draw."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clips = {size_wh: scaled(AGAIN, size_wh, Path(folder)) for size_wh in SIZES_WH}
        crowds = {n: tiled(n, SIZE_WH, Path(folder)) for n in PEOPLE}
        base = _call(clips[SIZE_WH])
        grown: dict[str, dict[float, Figures]] = {}
        asked: dict[str, dict[float, tuple[Path, int, int]]] = {
            "people in view": {n: (crowds[n], 1, 1) for n in PEOPLE},
            "megapixels": {_megapixels(s): (clips[s], 1, 1) for s in SIZES_WH},
            "workers": {n: (clips[SIZE_WH], n, 1) for n in WORKERS},
            "displays": {n: (clips[SIZE_WH], 1, n) for n in DISPLAYS},
        }
        for what, calls in asked.items():
            grown[what] = {n: base if of == (clips[SIZE_WH], 1, 1) else _call(*of) for n, of in calls.items()}
            rows = [_row(what, n, figures, base) for n, figures in grown[what].items()]
            print_table(f"the whole call by {what}, of {footage()}", rows)
    forward, copy_s = forward_of_people(), {_megapixels(s): memcpy_s(s) for s in SIZES_WH}
    print_table(
        "one forward pass on one thread, by people in view",
        [{"people": n, "ms": ms, "/ of one": ms / forward[1][0], "found": found} for n, (ms, found) in forward.items()],
    )
    draw(_panels(grown, forward, copy_s), describe(), PLOT)


def _call(clip: Path, workers: int = 1, displays: int = 1) -> Figures:
    return record_call({"source": clip, "mask_rcnn": MODEL}, workers, displays, SECONDS)


def _megapixels(size_wh: tuple[int, int]) -> float:
    return size_wh[0] * size_wh[1] / 1e6


def _row(what: str, value: float, figures: Figures, base: Figures) -> dict[str, object]:
    return {
        what: value, "fps": figures.fps, "shown": figures.shown, "p50 ms": figures.latency_ms[0], "p99 ms": figures.latency_ms[1],
        "mask age p50": figures.mask_age_ms[0], "masks a second": figures.masks_a_second, "CPU %": figures.cpu,
        "CPU s / base": figures.cpu_s_a_second / base.cpu_s_a_second, "PSS MB": figures.pss_mb, "PSS / base": figures.pss_mb / base.pss_mb,
    }  # fmt: skip


def forward_of_people() -> dict[int, tuple[float, int]]:
    """Median ms of a forward pass on one thread, and how many people it found, by how many there are."""
    cv2.setNumThreads(1)
    detector = open_detector(InferSettings(mask_rcnn=MODEL))
    found: dict[int, tuple[float, int]] = {}
    for people in PEOPLE:
        picture = next(tiles(people, SIZE_WH))
        times = []
        for _ in range(7):
            begun = time.perf_counter()
            instances = detector.detect(picture)
            times.append((time.perf_counter() - begun) * 1e3)
        found[people] = float(np.median(times)), sum(i.class_id == 0 and not i.is_sign for i in instances)
    return found


def memcpy_s(size_wh: tuple[int, int]) -> float:
    """One copy of a picture from memory that is not in a cache."""
    source = np.ones((8, size_wh[1], size_wh[0], 3), np.uint8)
    into, turn = np.zeros_like(source), iter(range(1 << 30))
    return medians_us({"copy": lambda: np.copyto(into[next(turn) % 8], source[next(turn) % 8])}, 33)["copy"] / 1e6


def _panels(
    grown: Mapping[str, Mapping[float, Figures]],
    forward: Mapping[int, tuple[float, int]],
    copy_s: Mapping[float, float],
) -> list[list[Panel]]:
    """A column for each thing that grows; rates, times and CPU below each other."""
    rates, times, cpu = [], [], []
    for what, calls in grown.items():

        def flat(value: float, of: Mapping[float, Figures] = calls) -> Points:
            return [(n, value) for n in of]

        rates.append(
            Panel(
                f"rate by {what}", what, "a second",
                {"pictures": [(n, f.fps) for n, f in calls.items()], "masks": [(n, f.masks_a_second) for n, f in calls.items()]},
                {"camera": flat(FPS), "masks: cores / forward pass": _masks_bound(what, calls, forward)},
            )
        )  # fmt: skip
        times.append(
            Panel(
                f"latency by {what}", what, "ms",
                {"captured to shown": [(n, f.latency_ms[0]) for n, f in calls.items()], "p99": [(n, f.latency_ms[1]) for n, f in calls.items()]},
                {f"{COPIES} memcpys": [(n, COPIES * 1e3 * (copy_s[n] if what == "megapixels" else copy_s[_megapixels(SIZE_WH)])) for n in calls]},
            )
        )  # fmt: skip
        cpu.append(
            Panel(
                f"CPU by {what}", what, "cores",
                {"whole call": [(n, f.cpu / 100) for n, f in calls.items()]}
                | {stage: [(n, _of_stage(f, stage) / 100) for n, f in calls.items()] for stage in ("infer", "compose", "capture", "display")},
                {"cores": flat(float(cores())), "memcpys of every picture": _copies_bound(what, calls, copy_s)},
            )
        )  # fmt: skip
    return [rates, times, cpu]


def _of_stage(figures: Figures, stage: str) -> float:
    return sum(used.cpu for name, used in figures.used.items() if name.split(".")[0] == stage)


def _masks_bound(what: str, calls: Mapping[float, Figures], forward: Mapping[int, tuple[float, int]]) -> Points:
    """All cores doing nothing but forward passes; one thread each, so no worker has more than its own."""
    return [(n, cores() * 1e3 / forward[int(n) if what == "people in view" else 1][0]) for n in calls]


def _copies_bound(what: str, calls: Mapping[float, Figures], copy_s: Mapping[float, float]) -> Points:
    """Cores that moving the pictures alone would take: each display adds one copy."""
    base_s = copy_s[_megapixels(SIZE_WH)]
    return [
        (n, FPS * (copy_s[n] if what == "megapixels" else base_s) * (COPIES + (n - 1 if what == "displays" else 0)))
        for n in calls
    ]
