"""The whole call beside the tutorial's loop on the same clip in the same run: rate, latency, masks, CPU, memory, start-up."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.clips import scaled
from tests.bench.footage import START_UP_FRAMES, score
from tests.bench.table import print_table
from tests.call import processes_of, read_until, start_call
from tests.shared import MASK_RCNN, ROOT, SEQUENTIAL, SIGNERS
from tests.soak.__main__ import look

SIZE_WH, SECONDS, SETTLE_S = (1280, 720), 20, 6
WORKERS = (1, 2, 3)
SAME_MS = 20  # a composite is shown a moment after its mask was judged


def pss_mb(pid: int) -> float:
    """Proportional share of memory: what several share is counted once in all. 0 of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


class Spent:
    """CPU seconds of everything on a run folder since the beginning, and its memory."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._begun_at, self._before = time.monotonic(), self._cpu_s()

    def _cpu_s(self) -> dict[int, float]:
        samples = {pid: look(pid) for pid in processes_of(self._run_dir)}
        return {pid: sample.cpu_s for pid, sample in samples.items() if sample is not None}

    def read(self) -> tuple[float, float]:
        """CPU as percent of one core since the beginning; PSS in MB now."""
        now = self._cpu_s()
        cores = sum(s - self._before.get(pid, 0.0) for pid, s in now.items()) / (time.monotonic() - self._begun_at)
        return 100 * cores, sum(map(pss_mb, now))


def spent_by(settings: dict[str, object], workers: int) -> tuple[Path, float, float, int]:
    """Record the times of a call; the recording, CPU % and PSS MB while it ran, and when honcho was started (ns)."""
    folder = Path(tempfile.mkdtemp(prefix="onlyme-"))
    begun_ns = time.monotonic_ns()
    recorded = {"sink": "record", "images": "none", "out": folder / "out", "seconds": SECONDS + SETTLE_S, **settings}
    run_dir = folder / "run"
    with start_call(recorded, run_dir, workers) as call:
        read_until(call, "live")
        reader = threading.Thread(target=call.communicate)
        reader.start()
        time.sleep(SETTLE_S)
        spent = Spent(run_dir)
        time.sleep(SECONDS - SETTLE_S)
        cpu, pss = spent.read()
        reader.join()
    return folder / "out", cpu, pss, begun_ns


def loop_of(clip: Path, folder: Path) -> tuple[Path, float, float, int]:
    """The same of the tutorial's loop."""
    out = folder / "loop"
    command = [
        sys.executable,
        str(SEQUENTIAL),
        "--clip",
        str(clip),
        "--model",
        str(MASK_RCNN),
        "--seconds",
        str(SECONDS),
    ]
    begun_ns = time.monotonic_ns()
    with subprocess.Popen([*command, "--key", "00ff00", "--out", str(out)], stdout=subprocess.DEVNULL) as loop:
        time.sleep(SETTLE_S)
        before = look(loop.pid)
        begun = time.monotonic()
        time.sleep(SECONDS - SETTLE_S - 2)
        after, pss = look(loop.pid), pss_mb(loop.pid)
        assert before is not None and after is not None
        cpu = 100 * (after.cpu_s - before.cpu_s) / (time.monotonic() - begun)
    return out, cpu, pss, begun_ns


def main() -> None:
    """Loop, then one, two and three workers, then no Mask R-CNN."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clip = scaled(SIGNERS / "again.mkv", SIZE_WH, Path(folder))
        rows = [_row("tutorial's loop", clip, loop_of(clip, Path(folder)))]
        for workers in WORKERS:
            settings: dict[str, object] = {"source": clip, "mask_rcnn": MASK_RCNN}
            rows.append(_row(f"{workers} worker(s)", clip, spent_by(settings, workers)))
        rows.append(_row("embedded", clip, spent_by({"source": clip, "mask_rcnn": ROOT / "mask-rcnn-coco"}, 1)))
    base = rows[0]
    for row in rows:
        row["rate / loop's"] = _number(row, "fps") / _number(base, "fps")
        row["latency / loop's"] = _number(row, "p50 ms") / _number(base, "p50 ms")
    print_table(
        f"the whole call, 720p of real footage, {SECONDS} s; CPU in percent of one core, CPU s a displayed second", rows
    )


def _number(row: dict[str, object], name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else float("nan")


def _row(how: str, clip: Path, recorded: tuple[Path, float, float, int]) -> dict[str, object]:
    out, cpu, pss, begun_ns = recorded
    figures = score(out, clip, None, START_UP_FRAMES)
    latency, age = np.array(figures["latency_ms"]), figures["mask_age_ms"]
    rate = figures["fps"]
    return {
        "how": how, "fps": rate, "shown": figures["shown"], "p50 ms": float(latency[0]), "p99 ms": float(latency[1]),
        "mask age": json.dumps(age), "masks a second": masks_a_second(out), "CPU %": cpu, "PSS MB": pss,
        "CPU s / shown s": cpu / 100 / (float(rate) / 30) if isinstance(rate, int | float) else "-",
        "first s": started(out, begun_ns)[0], "live s": started(out, begun_ns)[1],
    }  # fmt: skip


def rows_of(out: Path) -> list[dict[str, Any]]:
    """What a recording says of each picture."""
    return [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]


def started(out: Path, begun_ns: int) -> tuple[float, float]:
    """Seconds until the first picture was shown, and until the first that had a mask; NaN where there was none."""
    rows = rows_of(out)
    masked = [row["shown_ns"] for row in rows if row.get("mask_age_ms") is not None]
    first = rows[0]["shown_ns"] if rows else math.nan
    return (first - begun_ns) / 1e9, ((masked[0] if masked else math.nan) - begun_ns) / 1e9


def masks_a_second(out: Path) -> float | str:
    """How often another result was used, told by when its frame was captured."""
    rows = rows_of(out)[START_UP_FRAMES:]
    live = [row for row in rows if row.get("mask_age_ms") is not None]
    if len(live) < 2:
        return "-"
    of = [row["shown_ns"] / 1e6 - row["mask_age_ms"] for row in live]
    changes = sum(later - earlier > SAME_MS for earlier, later in pairwise(of))
    return float(changes / (live[-1]["shown_ns"] - live[0]["shown_ns"]) * 1e9)
