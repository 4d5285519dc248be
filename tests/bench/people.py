"""Two people whose exact masks are known, in the situations of tests/people.py, by results a second."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from common.assets import MATTE, fetch
from common.matte import Matte
from tests.bench.table import print_table
from tests.people import SITUATIONS, Shown, play, scene_of, tracker_of

SEEDS = 20
RATES = (12, 5, 1)
MUCH = 0.005  # of what can be seen of the bystander


def main() -> None:
    """Every situation, rate and seed, on two cores."""
    runs = [(situation, hz, seed) for situation in SITUATIONS for hz in RATES for seed in range(SEEDS)]
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(runs, pool.map(_play, runs), strict=True))
    rows = []
    for situation in SITUATIONS:
        for hz in RATES:
            of = [found[situation, hz, seed] for seed in range(SEEDS)]
            seen = np.concatenate([np.asarray(shown.bystander) for shown in of])
            rows.append(
                {
                    "situation": situation,
                    "results a second": hz,
                    "subject IoU": float(np.mean(np.concatenate([shown.iou for shown in of]))),
                    "bystander visible": float(seen.mean()),
                    "p95": float(np.percentile(seen, 95)),
                    "worst frame": float(seen.max()),
                    "frames over 0.5 %": float((seen > MUCH).mean()),
                    "frames hidden": sum(shown.hidden for shown in of),
                    "switches": sum(shown.switches for shown in of),
                }
            )
    print_table(f"two people, the bystander the surer one, {SEEDS} courses each", rows)


def _play(run: tuple[str, int, int]) -> Shown:
    cv2.setNumThreads(1)
    situation, hz, seed = run
    return play(scene_of(situation, seed), tracker_of(Matte(fetch(MATTE))), hz)
