"""Sums the metrics of a call up to one row a stage. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from common.metrics.metrics import METRICS, Sample
from common.stages import STAGES

# stage → metric that counts what it has done, and metric of how long each took
WORK = {
    "capture": ("frames_captured", ""),
    "infer": ("masks_sent", "inference_seconds"),
    "compose": ("composed", "compose_seconds"),
    "display": ("shown", ""),
    "relay": ("", ""),
}
DOES = {
    "capture": "takes pictures",
    "infer": "looks for people",
    "compose": "hides the rest",
    "display": "shows the result",
    "relay": "sends it elsewhere",
}


@dataclass
class Figures:
    """What the processes of one stage have done so far, and the cores that they use now."""

    processes: set[str] = field(default_factory=set)
    done: float = 0.0
    took_s: float = 0.0
    times: int = 0
    cores: float = 0.0
    restarts: float = 0.0
    lost: Counter[str] = field(default_factory=Counter)


Stages = dict[str, Figures]  # by the name of the stage


class Row(NamedTuple):
    """One row of the table, as it is read."""

    stage: str
    does: str
    rate: str
    each: str
    cores: str
    restarts: str
    lost: str


def sum_up(samples: Iterable[Sample]) -> Stages:
    """Return the figures of each stage that runs."""
    stages: Stages = {}
    for sample in samples:
        stage = _stage_of(sample.process)
        if stage not in STAGES:
            continue
        figures = stages.setdefault(stage, Figures())
        figures.processes.add(sample.process)
        done, took = WORK[stage]
        if sample.name == done:
            figures.done += sample.value
        elif sample.name == took:
            figures.took_s, figures.times = figures.took_s + sample.value, figures.times + sample.times
        elif sample.name == "cpu_cores":
            figures.cores += sample.value
        elif sample.name == "restarts":
            figures.restarts += sample.value
        elif sample.name in ("dropped", "missed"):
            said = [sample.labels[label] for label in METRICS[sample.name].labels if label in sample.labels]
            figures.lost[", ".join(said) or "picture, missed"] += round(sample.value)
    return stages


def rows_of(stages: Stages, before: Stages, span_s: float) -> list[Row]:
    """Return a row for every stage that runs, in the order of the stages: rate and time over the last `span_s` seconds, what
    was lost since the processes began, and its most frequent cause."""
    rows = []
    for stage in STAGES:
        if (now := stages.get(stage)) is None:
            continue
        then = before.get(stage, Figures())
        done, times, took_s = now.done - then.done, now.times - then.times, now.took_s - then.took_s
        if min(done, times, took_s) < 0:  # a process has begun anew
            done, times, took_s = 0.0, 0, 0.0
        lost = [(cause, number) for cause, number in now.lost.most_common() if number]
        rows.append(
            Row(
                stage if len(now.processes) == 1 else f"{stage} x{len(now.processes)}",
                DOES[stage],
                f"{done / span_s:.1f}" if before and span_s > 0 and WORK[stage][0] else "",
                f"{1000 * took_s / times:.0f} ms" if times else "",
                f"{now.cores:.2f}",
                f"{now.restarts:.0f}" if now.restarts else "",
                f"{sum(now.lost.values())} {lost[0][0]}" if lost else "",
            )
        )
    return rows


def table_of(rows: Iterable[Row]) -> Table:
    """Return the table, every row on one line. Texts come from elsewhere, and brackets in them are no markup."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold underline")
    for name, width in (("stage", 11), ("what it does", 18)):
        table.add_column(name, no_wrap=True, width=width)
    for name, width in (("a second", 8), ("each", 8), ("cores", 5), ("died", 4)):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    table.add_column("lost", no_wrap=True, ratio=1)
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    return table


def _stage_of(process: str) -> str:
    """Return the stage of a process: "infer" of "infer.2", "infer-4711" and "display.relay-7"."""
    return "relay" if process.startswith("display.relay") else re.split("[.-]", process)[0]
