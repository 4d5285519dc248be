from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from common import checks
from common.findings import Finding, Level
from common.runtime.run_dir import open_run_dir, writer_lock
from tests.call import environment
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.shared import ROOT


def run(*flags: str, **settings: object) -> subprocess.CompletedProcess[str]:
    env = environment(settings, Path(tempfile.gettempdir(), f"onlyme-doctor-{os.getpid()}"))
    return subprocess.run(
        [sys.executable, "-m", "common.doctor", *flags], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_every_check_prints_a_finding_in_the_usual_order() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) < 25, "one screen"
    names = [line[6:21].rstrip() for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert names == [
        "settings", "Python", "processor", "OpenCV", "LiteRT", "devices", "model", "assets", "cameras", "screen",
        "shared memory", "leftovers", "running call", "virtual camera", "PipeWire",
    ]  # fmt: skip


def test_json_holds_the_same_findings() -> None:
    told = json.loads(run("--json").stdout)
    assert told["ok"] is True
    assert {finding["level"] for finding in told["findings"]} <= {"ok", "note"}


def test_a_python_without_packages_is_told_to_set_the_checkout_up() -> None:
    """The system's Python in a fresh checkout printed a traceback: no module named cv2."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "common.doctor", "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["what"], found["level"]) == ("packages", "FAIL")
    assert sys.executable in found["found"]
    assert found["hint"] == "make setup, then .venv/bin/python -m common.doctor"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"kernel": 40}, "settings"),
        ({"mask_rcnn": "tests"}, "model"),
    ],
)
def test_a_finding_that_prevents_a_call_is_a_failure(settings: dict[str, object], what: str) -> None:
    done = run("--json", **settings)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert {f["what"] for f in told["findings"] if f["level"] == "FAIL"} == {what}
    assert all(f["hint"] for f in told["findings"] if f["level"] != "ok")


def test_a_running_call_is_noticed(run_dir: Path) -> None:
    none = Finding("running call", Level.OK, f"none on {run_dir}")
    assert checks.check_running(run_dir) == none
    with stage("capture", run_dir, source="demo", width=320, height=180) as capture:
        wait_for("capture", lambda: checks.check_running(run_dir).level is Level.NOTE)
        child = child_of(capture.pid)
        assert child is not None
        os.kill(child, signal.SIGSTOP)
        for _ in range(300):  # more than the queue of its socket holds
            assert checks.check_running(run_dir).level is Level.NOTE
        os.kill(child, signal.SIGCONT)
        assert end(capture)[0] == 0
    assert (run_dir / "frames").exists(), "a socket that nobody serves"
    assert checks.check_running(run_dir) == none


def test_the_check_for_a_running_call_takes_no_lock(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that held the lock for a moment made a starting capture end: "another process already serves"."""
    open_run_dir(run_dir)
    with writer_lock(run_dir, "frames"):
        pass
    monkeypatch.setattr(fcntl, "flock", lambda *_: pytest.fail("a lock was asked for"))
    assert checks.check_running(run_dir).level is Level.OK


@pytest.mark.parametrize(("machine", "level"), [("x86_64", Level.OK), ("aarch64", Level.FAIL)])
def test_a_processor_without_working_rings_is_a_failure(machine: str, level: Level) -> None:
    assert checks.check_processor(machine).level is level


def test_leftovers_are_counted_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_stale", lambda: ["onlyme-0-frames-1"])
    assert checks.check_leftovers().level is Level.NOTE
