"""Metrics of a call: each process writes its own to a file in the run folder once a second.

The displays read these files for `/metrics` and for the status table. A process holds a lock (flock(2)) on its file, and the
kernel releases it when the process ends. So a reader knows whose file is left over, also where pids mean nothing because the
writer is in another container. No process waits for another, and no stage loads a metrics library. Counters restart at zero with their process, as Prometheus expects. No metric contains image data.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from common.runtime.private_files import make_folder

FOLDER = "metrics"


class Kind(NamedTuple):
    """Describe a metric: "counter", "gauge" or "summary" (number and sum of observations), its help text, its labels."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


# every sample also has the label `process`
METRICS = {
    "frames_captured": Kind("counter", "Frames published by capture"),
    "recording_frames": Kind("gauge", "Frames that the recording holds, as its container says, 0 for unknown"),
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
    "frames_written": Kind("counter", "Composites of the recording that were written"),
    "missed": Kind("counter", "Composites missed by a display"),
    "latency_seconds": Kind("summary", "Time from capture until a display shows the composite"),
    "viewers": Kind("gauge", "Viewers of this process"),
    "camera": Kind("gauge", "1 for the virtual camera that this display sends to", ("kind", "device")),
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
        self._written: TextIO | None = None  # the file as it was written last: its lock is held

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
            make_folder(path.parent)
            self._write(rows, fresh, path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()

    def _write(self, rows: list[list[Any]], fresh: Path, path: Path) -> None:
        with ExitStack() as on_error:
            file = on_error.enter_context(fresh.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
            json.dump(rows, file)
            file.flush()
            fresh.replace(path)
            on_error.pop_all()
        if self._written is not None:
            self._written.close()
        self._written = file


metrics = Metrics()


def path_of(run_dir: Path, process: str) -> Path:
    """Return the metrics file of a process."""
    return run_dir / FOLDER / f"{process}.json"


def read_samples(run_dir: Path) -> Iterator[Sample]:
    """Yield the samples of all running processes. Removes the files of processes that have ended."""
    for path in sorted((run_dir / FOLDER).glob("*.json")):
        try:
            with path.open() as file:
                if _is_left_over(file, path):
                    path.unlink(missing_ok=True)
                    continue
                rows = [Sample(path.stem, name, labels, value, times) for name, labels, value, times in json.load(file)]
        except (OSError, ValueError, TypeError):
            continue
        yield from (row for row in rows if row.name in METRICS)


def _is_left_over(file: TextIO, path: Path) -> bool:
    """Return whether nobody holds the lock of a file. One that was replaced since it was opened has a writer."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.path.samestat(os.fstat(file.fileno()), path.stat())
