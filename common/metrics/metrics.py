"""Metrics of a call: each process writes its own to a file in the run folder once a second.

The displays read these files for `/metrics` and for the status table. No process waits for another, and no stage loads a
metrics library. Counters restart at zero with their process, as Prometheus expects. No metric contains image data.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.runtime.private_files import make_folder
from common.runtime.procinfo import is_running, start_time

FOLDER = "metrics"


class Kind(NamedTuple):
    """Describe a metric: "counter", "gauge" or "summary" (number and sum of observations), its help text, its labels."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


# every sample also has the label `process`
METRICS = {
    "frames_captured": Kind("counter", "Frames published by capture"),
    "dropped": Kind("counter", "What was lost or refused, by cause", ("what", "cause")),
    "masks_sent": Kind("counter", "Results sent by a worker"),
    "inference_seconds": Kind("summary", "Duration of one inference"),
    "inferences": Kind("counter", "Frames on which a worker ran the detector, by reason", ("why",)),
    "inferences_skipped": Kind(
        "counter", "Frames on which a worker did not run the detector, because nobody else can be in them"
    ),
    "composed": Kind("counter", "Composites published"),
    "compose_seconds": Kind("summary", "Time that compose needed for one frame"),
    "state_seconds": Kind("counter", "Time spent in each state", ("state",)),
    "mask_age_seconds": Kind("gauge", "Age of the mask in use, -1 for none"),
    "shown": Kind("counter", "Composites shown by a display"),
    "missed": Kind("counter", "Composites missed by a display"),
    "latency_seconds": Kind("summary", "Time from capture until a display shows the composite"),
    "viewers": Kind("gauge", "Viewers of this process"),
    "cpu_cores": Kind("gauge", "Cores used by this process since it last wrote its metrics"),
    "inference_rate_limit": Kind("gauge", "Inferences a second that the governor allows each worker, 0 for no limit"),
    "budget_headroom": Kind(
        "gauge", "CPU time that the budget leaves for inference, as a multiple of the least needed, -1 without a budget"
    ),
    "normal_priority": Kind("gauge", "1 while workers run at normal priority, 0 while all other processes run first"),
    "embedded_only": Kind("gauge", "1 while the processor is too busy for the Mask R-CNN: only the small networks run"),
    "matte_interval_frames": Kind("gauge", "The matte runs on every so many frames"),
    "restarts": Kind("counter", "Restarts of this process"),
}


class Sample(NamedTuple):
    """Hold one value of one process. For a summary `value` is the sum and `times` the number of observations."""

    process: str
    name: str
    labels: dict[str, str]
    value: float
    times: int = 0


class Meter:
    """Measure how many cores this process used between two calls."""

    def __init__(self) -> None:
        self._at, self._spent_s = time.monotonic(), time.process_time()

    def cores(self) -> float:
        """Return the mean number of cores used since the last call."""
        (at, spent_s), self._at, self._spent_s = (self._at, self._spent_s), time.monotonic(), time.process_time()
        return (self._spent_s - spent_s) / max(self._at - at, 1e-3)


class Metrics:
    """Hold the metrics of one process. Not thread-safe: only the loop of a stage uses it."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], list[Any]] = {}
        self._meter = Meter()

    def count(self, name: str, number: float = 1.0, **labels: str) -> None:
        """Increment a counter."""
        self._entry(name, labels)[0] += number

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._entry(name, labels)[0] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one observation of a summary."""
        found = self._entry(name, labels)
        found[0] += value
        found[1] += 1

    def _entry(self, name: str, labels: dict[str, str]) -> list[Any]:
        return self._values.setdefault((name, tuple(sorted(labels.items()))), [0.0, 0])

    def flush(self, path: Path) -> None:
        """Write all samples to a file, atomically. An error is ignored: a call works without metrics."""
        self.set("cpu_cores", self._meter.cores())
        rows = [[name, dict(labels), *values] for (name, labels), values in self._values.items()]
        fresh = path.with_suffix(f".{os.getpid()}")
        try:
            content = {"pid": os.getpid(), "start": start_time(os.getpid()), "rows": rows}
            fresh.write_text(json.dumps(content))
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)


metrics = Metrics()


def path_of(run_dir: Path, process: str) -> Path:
    """Return the metrics file of a process. Creates its folder."""
    folder = run_dir / FOLDER
    make_folder(folder)
    return folder / f"{process}.json"


def read_samples(run_dir: Path) -> Iterator[Sample]:
    """Yield the samples of all running processes. Removes the files of processes that have ended."""
    for path in sorted((run_dir / FOLDER).glob("*.json")):
        try:
            content = json.loads(path.read_text())
            if not is_running(content["pid"], content["start"]):
                path.unlink(missing_ok=True)
                continue
            rows = [Sample(path.stem, name, labels, value, times) for name, labels, value, times in content["rows"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield from (row for row in rows if row.name in METRICS)
