from __future__ import annotations

import fcntl
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest
from rich.console import Console

from common.metrics.metrics import METRICS, Metrics, Sample, path_of, read_samples
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.status import StatusSink
from display.web.prometheus import text_of
from tests.conftest import no_descriptor_left
from tests.display.sinks.test_video import MESSAGE
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def some() -> Metrics:
    metrics = Metrics()
    metrics.count("frames_captured", 3)
    metrics.count("dropped", what="frame", cause="lapped")
    metrics.count("dropped", what="frame", cause="lapped")
    metrics.observe("compose_seconds", 0.25)
    metrics.observe("compose_seconds", 0.5)
    metrics.set("mask_age_seconds", -1.0)
    metrics.set("mask_age_seconds", 0.125)
    return metrics


def test_a_sample_that_one_process_wrote_is_read_by_others(run_dir: Path) -> None:
    metrics = some()
    metrics.flush(path_of(run_dir, "compose.1"))
    metrics.flush(path_of(run_dir, "compose.1"))
    *told, cores = read_samples(run_dir)
    assert (cores.name, cores.value >= 0) == ("cpu_cores", True)
    assert told == [
        Sample("compose.1", "frames_captured", {}, 3),
        Sample("compose.1", "dropped", {"what": "frame", "cause": "lapped"}, 2),
        Sample("compose.1", "compose_seconds", {}, 0.75, 2),
        Sample("compose.1", "mask_age_seconds", {}, 0.125),
    ]


def test_the_samples_are_valid_prometheus_text(run_dir: Path) -> None:
    metrics = some()
    metrics.flush(path_of(run_dir, "compose.1"))
    text = text_of(run_dir).decode()
    for line in (
        'onlyme_frames_captured_total{process="compose.1"} 3.0',
        'onlyme_dropped_total{cause="lapped",process="compose.1",what="frame"} 2.0',
        'onlyme_compose_seconds_count{process="compose.1"} 2.0',
        'onlyme_compose_seconds_sum{process="compose.1"} 0.75',
        'onlyme_mask_age_seconds{process="compose.1"} 0.125',
    ):
        assert line in text.splitlines()
    assert text.count("# HELP") == len(METRICS)


WRITE = """
import sys
from pathlib import Path
from common.metrics.metrics import Metrics, path_of
(metrics := Metrics()).flush(path_of(Path(sys.argv[1]), "infer.1"))
print(flush=True)
input()
"""


@pytest.mark.parametrize("container", [[], pytest.param(CONTAINER, marks=pytest.mark.root)], ids=["here", "container"])
def test_files_of_ended_processes_are_removed_wherever_those_ran(container: list[str], run_dir: Path) -> None:
    """In another container a pid means another process, or none."""
    command = [*container, sys.executable, "-c", WRITE, str(run_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [sample.process for sample in read_samples(run_dir)] == ["infer.1"], "the negative control"
        process.kill()
        process.wait()
        wait_for("the end of the writer", lambda: list(read_samples(run_dir)) == [])
    assert not path_of(run_dir, "infer.1").exists(), "nobody will ever write it again"


def test_broken_files_are_ignored(run_dir: Path) -> None:
    path_of(run_dir, "a").parent.mkdir(parents=True)
    for content in ("{", "[[]]", "{}", "[3]", "\xff"):
        path_of(run_dir, "a").write_text(content, "latin-1")
        with path_of(run_dir, "a").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert list(read_samples(run_dir)) == []
        assert path_of(run_dir, "a").exists()


def test_a_file_that_is_replaced_while_it_is_read_is_not_removed(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (metrics := some()).flush(path_of(run_dir, "a"))
    ask = fcntl.flock

    def flock(file: TextIO, operation: int) -> None:
        if operation & fcntl.LOCK_SH:
            metrics.flush(path_of(run_dir, "a"))
        ask(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert len(list(read_samples(run_dir))) == len(list(read_samples(run_dir))) > 0
    assert path_of(run_dir, "a").exists()


def test_metrics_that_cannot_be_written_stop_no_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    some().flush(tmp_path / "file" / "x.json")
    with no_descriptor_left():
        some().flush(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_the_status_shows_the_state_and_a_row_for_each_stage(run_dir: Path) -> None:
    run_dir.mkdir()
    metrics, path = some(), path_of(run_dir, "compose.1")
    metrics.flush(path)
    written = StringIO()
    console = Console(file=written, width=120, force_terminal=False)
    sink = StatusSink(DisplaySettings(run_dir=run_dir), console)
    meter = Meter()
    meter.add(MESSAGE, 2 * 10**9)
    sink.show(np.zeros((90, 160, 3), np.uint8), MESSAGE, meter)
    sink.close()
    said = written.getvalue()
    assert "live" in said and "frame, lapped" in said and "compose" in said


def test_the_status_keeps_its_headline_to_one_line_that_says_the_state(run_dir: Path) -> None:
    run_dir.mkdir()
    written = StringIO()
    sink = StatusSink(DisplaySettings(run_dir=run_dir), Console(file=written, width=80, force_terminal=False))
    hidden = replace(MESSAGE, state="hidden", reason="mask older than 750 ms", mask_age_ms=-1.0)
    (meter := Meter()).add(hidden, 10**12)  # so late that the line is longer than the terminal is wide
    sink.show(np.zeros((90, 160, 3), np.uint8), hidden, meter)
    sink.close()
    first, second = written.getvalue().splitlines()[:2]
    assert first.startswith("hidden: mask older than 750 ms; ") and first.endswith("…") and len(first) == 80
    assert second.startswith("stage")
