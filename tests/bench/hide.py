"""What `--hide people` hides and what it leaves, in the situations of tests/people.py, whose masks are exact."""

from __future__ import annotations

import itertools
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np

from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from tests.bench.people import KINDS
from tests.bench.table import print_table
from tests.hide import MARGIN, composites
from tests.looks import frames_of, looked
from tests.people import FPS, SECONDS, SITUATIONS, exact, scene_of

SEEDS = 2
RATES = (12.0, 1.0)  # results a second of exact masks; detectors look at their own rate
NOISE = 2.0  # grey levels, of the camera
ENOUGH_DB = 40.0  # PSNR of a room that is untouched

Run = tuple[str, float, str, int]


def main(kinds: tuple[str, ...] = ("exact",), seeds: int = SEEDS) -> None:
    """Every situation, by some detectors and so many courses each, on two cores."""
    assert set(kinds) <= set(KINDS)
    ways = [(kind, hz) for kind in kinds for hz in (RATES if kind == "exact" else (0.0,))]
    runs = [(kind, hz, situation, seed) for kind, hz in ways for situation in SITUATIONS for seed in range(seeds)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = dict(zip(runs, pool.map(_play, runs), strict=True))
    rows = [
        _row(kind, hz, situation, [found[kind, hz, situation, seed] for seed in range(seeds)])
        for (kind, hz), situation in itertools.product(ways, SITUATIONS)
    ]
    print_table(
        f"only other people hidden, {seeds} courses each, noise of {NOISE:g} grey levels, shares in percent, "
        f"the room farther than {MARGIN:.3f} of the height from people",
        rows,
    )


class Seen:
    """What was seen of one course, frame by frame.

    Attributes:
        alone: Share of the bystander that shows through the subject's alpha, as where the room is hidden.
        whole: The same of all that is sharp.
        first: The latter in the first frame in which the bystander is in view; NaN without one.
        room_db: PSNR where nobody is.
        room: Share of the picture that is shown.
    """

    def __init__(self, kind: str, hz: float, situation: str, seed: int) -> None:
        scene = scene_of(situation, seed)
        looks = exact(scene, hz) if kind == "exact" else looked(kind, situation, seed)
        frames = list(composites(scene, looks, Matte(fetch(MATTE)), SECONDS, NOISE))
        there = [one.bystander_visible for one in frames if one.has_bystander]
        self.alone, self.whole = np.array([mine for mine, _ in there]), np.array([seen for _, seen in there])
        first = next((n for n, one in enumerate(frames) if one.has_bystander), None)
        # in view from the beginning, nobody comes in
        self.first = frames[first].bystander_visible[1] if first else float("nan")
        known = [one for one in frames if one.seen.mean() > one.subject.mean() + 25]
        self.room_db = np.array([one.room_db for one in known if one.nobody.any()])
        self.room = np.array([(one.seen == 255).mean() for one in frames])


def _row(kind: str, hz: float, situation: str, of: list[Seen]) -> dict[str, object]:
    alone, whole, room_db, room = (
        np.concatenate([getattr(one, name) for one in of]) for name in ("alone", "whole", "room_db", "room")
    )
    first = [one.first for one in of if not np.isnan(one.first)]
    return {
        "detector": kind,
        "results a second": f"{hz or FPS / frames_of(kind):.3g}",
        "situation": situation,
        "bystander, room hidden": f"{100 * alone.mean():.2f}",
        "only people hidden": f"{100 * whole.mean():.2f}",
        "worst more": f"{100 * (whole - alone).max():.1f}",
        "first frame": f"{100 * max(first):.1f}" if first else "-",
        "room dB, least": f"{room_db.min():.1f}" if len(room_db) else "-",
        f"at least {ENOUGH_DB:g}": f"{100 * (room_db >= ENOUGH_DB).mean():.1f}" if len(room_db) else "-",
        "shown": f"{100 * room.mean():.0f}",
    }


def _play(run: Run) -> Seen:
    cv2.setNumThreads(1)
    return Seen(*run)
