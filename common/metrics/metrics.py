"""Figures of the call: every process counts its own and leaves them in the run folder once a second.

Whoever serves `/metrics` or shows the status reads the files; nobody waits for anybody, and no stage loads a library for
it. Counters begin at nothing again when a process is restarted, as Prometheus expects of them. Never anything of an image.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.runtime.private_files import make_folder
from common.runtime.procinfo import is_running, start_ticks

FOLDER = "metrics"


class Kind(NamedTuple):
    """What is figured: counter, gauge or summary (how often, and the sum); what it says; its labels."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


# every figure is also labelled with the process that says it
FIGURES = {
    "frames_captured": Kind("counter", "Frames that capture published"),
    "dropped": Kind("counter", "What was lost or refused, by cause", ("what", "cause")),
    "masks_sent": Kind("counter", "Results that a worker sent"),
    "inference_seconds": Kind("summary", "How long a worker took for one frame"),
    "looks_spared": Kind("counter", "Frames that a worker did not look at closely because nobody else can be in them"),
    "looks_wanted": Kind("counter", "Frames that a worker looked at, by what asked for that", ("why",)),
    "composed": Kind("counter", "Composites"),
    "compose_seconds": Kind("summary", "How long compose took for one frame"),
    "state_seconds": Kind("counter", "How long compose was in a state", ("state",)),
    "mask_age_seconds": Kind("gauge", "Age of the mask in use, -1 where there is none"),
    "shown": Kind("counter", "Pictures that a display took"),
    "missed": Kind("counter", "Pictures that a display missed"),
    "latency_seconds": Kind("summary", "From capture until a display took the picture"),
    "viewers": Kind("gauge", "Who watches through this process"),
    "cpu_cores": Kind("gauge", "Cores that this process had lately"),
    "looks_allowed": Kind("gauge", "Looks a second that the governor allows each worker, 0 for no limit"),
    "budget_spare": Kind(
        "gauge", "Times the least that looking for people needs, that the budget leaves for it, -1 where there is none"
    ),
    "workers_insist": Kind(
        "gauge", "1 while workers insist on their share of the processor, 0 while everything else runs first"
    ),
    "looks_light": Kind(
        "gauge", "1 while the small networks look alone, because the processor is too busy for the Mask R-CNN"
    ),
    "matte_every": Kind("gauge", "The matte runs on every so many frames"),
    "restarts": Kind("counter", "How often this process's worker was restarted"),
}


class Figure(NamedTuple):
    """One value of one process; `times` only of a summary, whose sum `value` then is."""

    process: str
    name: str
    labels: dict[str, str]
    value: float
    times: int = 0


class Meter:
    """Cores that this process has used since it was last asked."""

    def __init__(self) -> None:
        self._at, self._spent_s = time.monotonic(), time.process_time()

    def cores(self) -> float:
        """How many, on average."""
        (at, spent_s), self._at, self._spent_s = (self._at, self._spent_s), time.monotonic(), time.process_time()
        return (self._spent_s - spent_s) / max(self._at - at, 1e-3)


class Figures:
    """Of one process. Not for threads: its loop says them."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], list[Any]] = {}
        self._meter = Meter()

    def count(self, name: str, number: float = 1.0, **labels: str) -> None:
        """So many more."""
        self._of(name, labels)[0] += number

    def put(self, name: str, value: float, **labels: str) -> None:
        """It is so much now."""
        self._of(name, labels)[0] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """It was so much this time."""
        found = self._of(name, labels)
        found[0] += value
        found[1] += 1

    def _of(self, name: str, labels: dict[str, str]) -> list[Any]:
        return self._values.setdefault((name, tuple(sorted(labels.items()))), [0.0, 0])

    def leave(self, path: Path) -> None:
        """Write them down; never half of them is seen. Where that fails the call goes on without."""
        self.put("cpu_cores", self._meter.cores())
        rows = [[name, dict(labels), *values] for (name, labels), values in self._values.items()]
        fresh = path.with_suffix(f".{os.getpid()}")
        try:
            content = {"pid": os.getpid(), "start": start_ticks(os.getpid()), "rows": rows}
            fresh.write_text(json.dumps(content))
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)


figures = Figures()


def path_of(run_dir: Path, process: str) -> Path:
    """Where a process leaves its figures; the folder is made."""
    folder = run_dir / FOLDER
    make_folder(folder)
    return folder / f"{process}.json"


def read_figures(run_dir: Path) -> Iterator[Figure]:
    """Everything that the processes that run now have said; what an ended one has left is removed."""
    for path in sorted((run_dir / FOLDER).glob("*.json")):
        try:
            content = json.loads(path.read_text())
            if not is_running(content["pid"], content["start"]):
                path.unlink(missing_ok=True)
                continue
            rows = [Figure(path.stem, name, labels, value, times) for name, labels, value, times in content["rows"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield from (row for row in rows if row.name in FIGURES)
