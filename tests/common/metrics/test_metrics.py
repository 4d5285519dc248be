from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
from rich.console import Console

from common.metrics.metrics import FIGURES, Figure, Figures, path_of, read_figures
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.status import StatusSink, table_of
from display.web.metrics import text_of
from tests.conftest import no_descriptor_left
from tests.display.sinks.test_video import MESSAGE
from tests.shared import ROOT


def some() -> Figures:
    figures = Figures()
    figures.count("frames_captured", 3)
    figures.count("dropped", what="frame", cause="lapped")
    figures.count("dropped", what="frame", cause="lapped")
    figures.observe("compose_seconds", 0.25)
    figures.observe("compose_seconds", 0.5)
    figures.put("mask_age_seconds", -1.0)
    figures.put("mask_age_seconds", 0.125)
    return figures


def test_what_a_process_leaves_others_read(run_dir: Path) -> None:
    run_dir.mkdir()
    some().leave(path_of(run_dir, "compose.1"))
    *told, cores = read_figures(run_dir)
    assert (cores.name, cores.value >= 0) == ("cpu_cores", True)
    assert told == [
        Figure("compose.1", "frames_captured", {}, 3),
        Figure("compose.1", "dropped", {"what": "frame", "cause": "lapped"}, 2),
        Figure("compose.1", "compose_seconds", {}, 0.75, 2),
        Figure("compose.1", "mask_age_seconds", {}, 0.125),
    ]


def test_prometheus_reads_them(run_dir: Path) -> None:
    run_dir.mkdir()
    some().leave(path_of(run_dir, "compose.1"))
    text = text_of(run_dir).decode()
    for line in (
        'onlyme_frames_captured_total{process="compose.1"} 3.0',
        'onlyme_dropped_total{cause="lapped",process="compose.1",what="frame"} 2.0',
        'onlyme_compose_seconds_count{process="compose.1"} 2.0',
        'onlyme_compose_seconds_sum{process="compose.1"} 0.75',
        'onlyme_mask_age_seconds{process="compose.1"} 0.125',
    ):
        assert line in text.splitlines()
    assert text.count("# HELP") == len(FIGURES)


def test_what_is_broken_or_of_the_dead_is_left_out(run_dir: Path) -> None:
    run_dir.mkdir()
    code = "from tests.common.metrics.test_metrics import *; some().leave(path_of(Path(sys.argv[1]), 'infer.1'))"
    subprocess.run([sys.executable, "-c", code, str(run_dir)], cwd=ROOT, check=True)
    path_of(run_dir, "a").write_text("{")
    path_of(run_dir, "b").write_text(json.dumps({"pid": os.getpid(), "start": 1, "rows": []}))
    path_of(run_dir, "c").write_text("[]")
    assert list(read_figures(run_dir)) == []
    assert not path_of(run_dir, "infer.1").exists(), "nobody will ever write it again"


def test_figures_that_cannot_be_left_stop_nobody(tmp_path: Path) -> None:
    some().leave(tmp_path / "none" / "x.json")
    with no_descriptor_left():
        some().leave(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_the_status_says_what_came_lately(run_dir: Path) -> None:
    run_dir.mkdir()
    figures, path = some(), path_of(run_dir, "compose.1")
    figures.leave(path)
    written = StringIO()
    console = Console(file=written, width=120, force_terminal=False)
    sink = StatusSink(DisplaySettings(run_dir=run_dir), console)
    meter = Meter()
    meter.add(MESSAGE, 2 * 10**9)
    sink.show(np.zeros((90, 160, 3), np.uint8), MESSAGE, meter)
    sink.close()
    said = written.getvalue()
    assert "live" in said and "dropped (frame, lapped)" in said and "375.0 ms" in said
    key = ("capture.1", "frames_captured", ())
    before, now = (Figure("capture.1", "frames_captured", {}, value) for value in (10, 70))
    table = table_of("", {key: now}, {key: before}, 2.0)
    assert [[str(cell) for cell in column.cells] for column in table.columns] == [
        ["capture.1"],
        ["frames_captured"],
        ["70"],
        ["30.0 a second"],
    ]


def test_brackets_of_elsewhere_are_no_markup() -> None:
    """A state such as "[/x]" ended the display."""
    written = StringIO()
    figure = Figure("[/p]", "dropped", {"what": "[/b]", "cause": "[red]"}, 1)
    Console(file=written, width=120).print(table_of("[/x] live", {("", "", ()): figure}, {}, 1.0))
    said = written.getvalue()
    assert "[/x] live" in said and "[/p]" in said and "dropped ([/b], [red])" in said
