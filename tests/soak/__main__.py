"""`make soak`: the call for some minutes, each process held against a budget; one without a budget line fails."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.bench.table import print_table
from tests.call import start_call
from tests.shared import MASK_RCNN

SAMPLE_S = 2.0
SETTLED_S = 60.0


class Budget(NamedTuple):
    """Limits of one process: resident memory, its slope after the first minute, descriptors, threads."""

    memory_mb: float
    slope_mb_per_10_min: float
    descriptors: int
    threads: int


BUDGETS = {
    "capture": Budget(160, 1, 40, 12),
    "infer": Budget(330, 1, 30, 12),
    "compose": Budget(220, 1, 40, 12),
    "display": Budget(220, 1, 40, 12),
}
PARENT = Budget(60, 1, 12, 4)


class Sample(NamedTuple):
    """One look at one process."""

    at: float
    memory_mb: float
    descriptors: int
    threads: int


def stages(run_dir: Path) -> dict[int, str]:
    """Our processes by pid: stage names, `STAGE parent` for the light parents."""
    found: dict[int, str] = {}
    pids: dict[int, tuple[str, int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode().split("\0")
            if str(run_dir).encode() not in (path / "environ").read_bytes() or "-m" not in words:
                continue
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            pids[int(path.name)] = (words[words.index("-m") + 1], parent)
        except (OSError, ValueError):
            continue
    for pid, (stage, parent) in pids.items():
        found[pid] = stage if parent in pids else f"{stage} parent"
    return found


def look(pid: int) -> Sample | None:
    """Memory, descriptors and threads of a process, None if it is gone."""
    try:
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        count = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return None
    return Sample(time.monotonic(), int(status["RssAnon"].split()[0]) / 1024, count, int(status["Threads"]))


def judge(name: str, samples: list[Sample]) -> tuple[dict[str, object], list[str]]:
    """A row of the table and what is over the budget."""
    budget = BUDGETS.get(name) or (PARENT if name.removesuffix(" parent") in BUDGETS else None)
    settled = [s for s in samples if s.at - samples[0].at >= SETTLED_S]
    slope = float("nan")  # a run too short for a slope shows none, and none is judged
    if len(settled) * SAMPLE_S >= SETTLED_S:
        slope = float(np.polyfit([s.at for s in settled], [s.memory_mb for s in settled], 1)[0]) * 600
    row: dict[str, object] = {
        "process": name, "memory MB": max(s.memory_mb for s in samples), "MB per 10 min": round(slope, 2),
        "descriptors": max(s.descriptors for s in samples), "grown by": (settled or samples)[-1].descriptors - (settled or samples)[0].descriptors,
        "threads": max(s.threads for s in samples),
    }  # fmt: skip
    if budget is None:
        return row, [f"{name}: no budget line"]
    over = [
        f"{name}: {what} {got:.4g}, budget {limit:g}"
        for what, got, limit in (
            ("memory MB", max(s.memory_mb for s in samples), budget.memory_mb), ("MB per 10 min", slope, budget.slope_mb_per_10_min),
            ("descriptors", max(s.descriptors for s in samples), budget.descriptors), ("threads", max(s.threads for s in samples), budget.threads),
        ) if got > limit
    ]  # fmt: skip
    return row, over


def main() -> None:
    """Run, sample, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    history: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        run_dir = Path(folder) / "run"
        settings: dict[str, object] = {
            "source": "demo",
            "sink": "record",
            "images": "none",
            "out": Path(folder) / "out",
            "seconds": args.minutes * 60,
        }
        settings |= {"mask_rcnn": MASK_RCNN} if MASK_RCNN.is_dir() else {}
        with start_call(settings, run_dir, args.workers) as call:
            while call.poll() is None:
                for pid, name in stages(run_dir).items():
                    if sample := look(pid):
                        history[name, pid].append(sample)
                time.sleep(SAMPLE_S)
            said = call.communicate()[0]
    judged = [judge(name, samples) for (name, _), samples in sorted(history.items()) if len(samples) > 3]
    print_table(f"{args.minutes:g} minutes at 720p30, {args.workers} workers", [row for row, _ in judged])
    print("\n".join(line for line in said.splitlines() if "ended after" in line or "stopped;" in line))
    if over := [line for _, lines in judged for line in lines]:
        sys.exit("soak: " + "; ".join(over))


if __name__ == "__main__":
    main()
