"""Two people whose exact masks are known, in the situations of tests/people.py, by detector."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np

from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from tests.bench.table import print_table
from tests.looks import DETECTORS, frames_of, looked
from tests.people import FPS, SITUATIONS, Shown, exact, play, scene_of, tracker_of
from tests.shared import MASK_RCNN

SEEDS = 4
RATES = (12.0, 5.0, 1.0)  # results a second of exact masks; detectors look at their own rate
KINDS = ("exact", *DETECTORS)
LARGE = 0.01  # of the picture: whoever fills less is hardly recognised
LITTLE = 0.05  # of what can be seen of the bystander

Run = tuple[str, float, str, int]


def main(kinds: Sequence[str] = KINDS, seeds: int = SEEDS) -> None:
    """Every situation, by some detectors and so many courses each, on two cores."""
    if unknown := set(kinds) - set(KINDS):
        sys.exit(f"bench: expected some of {', '.join(KINDS)} for --kinds, got {', '.join(sorted(unknown))}")
    if not MASK_RCNN.is_dir() and {"Mask R-CNN", "both"} & set(kinds):
        print(f"\npeople: left out what needs a Mask R-CNN, {MASK_RCNN} is not there")
        kinds = [kind for kind in kinds if kind in ("exact", "embedded")]
    ways = [(kind, hz) for kind in kinds for hz in (RATES if kind == "exact" else (0.0,))]
    runs = [(kind, hz, situation, seed) for kind, hz in ways for situation in SITUATIONS for seed in range(seeds)]
    for kind in set(kinds) - {"exact"}:
        frames_of(kind)  # once for all processes
    # what a network's threads left in this process would stop a fork of it
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = dict(zip(runs, pool.map(_play, runs), strict=True))
    rows = [
        _row(kind, hz, situation, [shown for run, shown in found.items() if run[:3] == (kind, hz, situation)])
        for kind, hz in ways
        for situation in SITUATIONS
    ]
    rows += [
        _row(kind, hz, "all", [shown for run, shown in found.items() if run[:2] == (kind, hz)]) for kind, hz in ways
    ]
    print_table(f"two people, {seeds} courses each, shares in percent", rows)


def _row(kind: str, hz: float, situation: str, of: Iterable[Shown]) -> dict[str, object]:
    shown = list(of)
    iou, alone, seen, fills = (
        np.concatenate([getattr(one, name) for one in shown]) for name in ("iou", "alone", "bystander", "fills")
    )
    large = seen[fills >= LARGE]
    return {
        "detector": kind,
        "results a second": f"{hz or FPS / frames_of(kind):.3g}",
        "situation": situation,
        "IoU alone": _mean(iou[alone.astype(bool)]),
        "IoU beside": _mean(iou[~alone.astype(bool)]),
        "bystander visible": f"{100 * seen.mean():.2f}",
        "worst": f"{100 * seen.max():.1f}",
        "worst large": f"{100 * large.max():.1f}",
        "large frames": len(large),
        "at most 5": f"{100 * (large <= LITTLE).mean():.2f}",
        "hidden": sum(one.hidden for one in shown),
        "switches": sum(one.switches for one in shown),
    }


def _mean(of: np.ndarray) -> str:
    return f"{of.mean():.3f}" if len(of) else "-"


def _play(run: Run) -> Shown:
    cv2.setNumThreads(1)
    kind, hz, situation, seed = run
    scene = scene_of(situation, seed)
    looks = exact(scene, hz) if kind == "exact" else looked(kind, situation, seed)
    return play(scene, tracker_of(Matte(fetch(MATTE))), looks)
