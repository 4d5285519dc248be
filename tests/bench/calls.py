"""Runs a call, or the tutorial's loop, for some seconds, and says what it showed and what it took."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infer.settings import MODEL_FOLDER
from tests.call import environment, processes_of, read_until, stages, start_call
from tests.shared import MASK_RCNN, ROOT, SEQUENTIAL
from tests.soak.__main__ import look

MODEL = MASK_RCNN if MASK_RCNN.is_dir() else MODEL_FOLDER
SETTLE_S = 6.0
SAME_MS = 20.0  # a composite is shown a moment after its mask was judged
END_S = 2.0  # of the tutorial's loop: it is not looked at while it ends


class Used(NamedTuple):
    """CPU in percent of one core, and the proportional share of memory in MB: what several share counts once in all."""

    cpu: float
    pss_mb: float


@dataclass(frozen=True)
class Figures:
    """What a call showed once it had settled, and took; NaN where there is nothing to say."""

    fps: float
    shown: float  # share of the camera's pictures
    latency_ms: tuple[float, float]  # captured to shown, p50 and p99
    mask_age_ms: tuple[float, float]  # p50 and p99
    masks_a_second: float
    first_s: float  # from the start to the first picture
    live_s: float  # and to the first that had a mask
    hidden: float  # share of the pictures that show nobody
    bursts: float  # a minute, of such pictures in a row
    used: Mapping[str, Used]

    @property
    def cpu(self) -> float:
        """Of all processes, in percent of one core."""
        return sum(used.cpu for used in self.used.values())

    @property
    def pss_mb(self) -> float:
        """Of all processes."""
        return sum(used.pss_mb for used in self.used.values())

    @property
    def cpu_s_a_second(self) -> float:
        """CPU seconds for thirty pictures shown: what stands for power."""
        return self.cpu / 100 / (self.fps / 30)


def pss_mb(pid: int) -> float:
    """Proportional share of memory; 0 of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def record_call(settings: Mapping[str, object], workers: int = 1, displays: int = 1, seconds: float = 20) -> Figures:
    """The real call, recording the times of its pictures; displays after the first read every picture and drop it."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder, ExitStack() as stack:
        out, run_dir = Path(folder) / "out", Path(folder) / "run"
        begun_ns = time.monotonic_ns()
        recorded = {"sink": "record", "images": "none", "out": out, "seconds": seconds + SETTLE_S, **settings}
        call = stack.enter_context(start_call(recorded, run_dir, workers))
        read_until(call, "live")
        for _ in range(displays - 1):
            stack.enter_context(_display(run_dir))
        reader = threading.Thread(target=call.communicate)
        reader.start()
        time.sleep(SETTLE_S)
        used = used_by(lambda: _named(run_dir), seconds - SETTLE_S)
        reader.join()
        return figures_of(out, begun_ns, used)


@contextmanager
def _display(run_dir: Path) -> Iterator[None]:
    """One more, ended with the call: by itself it would wait for the next."""
    display = subprocess.Popen(
        [sys.executable, "-m", "display"], cwd=ROOT, env=environment({"sink": "headless"}, run_dir),
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        display.terminate()
        display.wait()


def _named(run_dir: Path) -> dict[int, str]:
    """Processes of a call by pid: the stages by name, their watchers, and honcho with its runners."""
    names = dict.fromkeys(processes_of(run_dir), "honcho")
    for name, stage in stages(run_dir).items():
        names |= dict.fromkeys(stage.pids, name) | {stage.parent: "watchers"}
    return names


def record_loop(clip: Path, seconds: float = 20) -> Figures:
    """The tutorial's loop on the same clip."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        out = Path(folder) / "loop"
        command = [sys.executable, str(SEQUENTIAL), "--key", "00ff00"]
        if not SEQUENTIAL.is_file():
            command = [sys.executable, "-m", "tests.bench.baseline"]
        command += ["--clip", str(clip), "--model", str(MODEL), "--seconds", str(seconds), "--out", str(out)]
        begun_ns = time.monotonic_ns()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as loop:
            time.sleep(SETTLE_S)
            used = used_by(lambda: {loop.pid: "loop"}, seconds - SETTLE_S - END_S)
        return figures_of(out, begun_ns, used)


def used_by(named: Callable[[], dict[int, str]], seconds: float) -> dict[str, Used]:
    """What processes take from now on, by name; one that comes meanwhile counts from its beginning."""

    def cpu_s() -> dict[int, tuple[str, float]]:
        samples = {pid: (name, look(pid)) for pid, name in named().items()}
        return {pid: (name, sample.cpu_s) for pid, (name, sample) in samples.items() if sample is not None}

    begun, before = time.monotonic(), cpu_s()
    time.sleep(seconds)
    after, took_s = cpu_s(), time.monotonic() - begun
    used: dict[str, Used] = {}
    for pid, (name, spent_s) in after.items():
        cpu = 100 * (spent_s - before.get(pid, ("", 0.0))[1]) / took_s
        sofar = used.get(name, Used(0.0, 0.0))
        used[name] = Used(sofar.cpu + cpu, sofar.pss_mb + pss_mb(pid))
    return used


class _Shown(NamedTuple):
    """Of one picture, in ms."""

    source_index: int
    captured: float
    shown: float
    mask_age: float | None
    is_live: bool


def figures_of(out: Path, begun_ns: int, used: Mapping[str, Used]) -> Figures:
    """What a recording's frames.jsonl says."""
    rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    told = [
        _Shown(
            row["source_index"],
            row["captured_ns"] / 1e6,
            row["shown_ns"] / 1e6,
            row.get("mask_age_ms"),
            row["state"] == "live",
        )
        for row in rows
    ]
    nothing = (math.nan, math.nan)
    nan = math.nan
    empty = Figures(nan, nan, nothing, nothing, nan, nan, nan, nan, nan, used)
    if not told:
        return empty
    begun_ms = begun_ns / 1e6
    masked = [one for one in told if one.mask_age is not None]
    first_s, live_s = (told[0].shown - begun_ms) / 1e3, (masked[0].shown - begun_ms) / 1e3 if masked else math.nan
    told = [one for one in told if one.shown > begun_ms + SETTLE_S * 1e3]
    if len(told) < 2:
        return replace(empty, first_s=first_s, live_s=live_s)
    p50, p99 = (float(v) for v in np.percentile([one.shown - one.captured for one in told], (50, 99)))
    ages = [one.mask_age for one in told if one.mask_age is not None]
    age_ms = (float(np.percentile(ages, 50)), float(np.percentile(ages, 99))) if ages else nothing
    took_s = (told[-1].shown - told[0].shown) / 1e3
    indices = [one.source_index for one in told]
    missed = sum(
        max(0, later - earlier - 1) for earlier, later in pairwise(indices)
    )  # a clip that begins again goes back
    of = [one.shown - one.mask_age for one in told if one.mask_age is not None]
    masks = sum(later - earlier > SAME_MS for earlier, later in pairwise(of)) / took_s
    hidden = sum(not one.is_live for one in told) / len(told)
    bursts = 60 * sum(before.is_live and not now.is_live for before, now in pairwise(told)) / took_s
    shown = len(told) / (len(told) + missed)
    return Figures((len(told) - 1) / took_s, shown, (p50, p99), age_ms, masks, first_s, live_s, hidden, bursts, used)


def cores() -> int:
    """What bounds the CPU of a call."""
    return os.cpu_count() or 1
