"""A stage's parent and child, signalled from outside. Capture is the stage; all are launched alike."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.identity import stat_fields
from tests.call import stages, start_call
from tests.conftest import segment_names
from tests.processes.neighbours import child_of, stage, wait_for

DEMO: dict[str, object] = {"source": "demo", "width": 320, "height": 180}


@pytest.fixture
def capture(run_dir: Path) -> Iterator[subprocess.Popen[str]]:
    before = segment_names()
    with stage("capture", run_dir, **DEMO) as process:
        wait_for("its child at work", lambda: segment_names() - before)
        yield process


def another_child(process: subprocess.Popen[str], than: int | None) -> Callable[[], bool]:
    return lambda: child_of(process.pid) not in (than, None)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_child_ended_from_elsewhere_is_restarted(capture: subprocess.Popen[str], signum: int) -> None:
    child = child_of(capture.pid)
    assert child is not None
    os.kill(child, signum)
    wait_for("another child", another_child(capture, child), 3)
    assert capture.poll() is None


def test_a_child_that_stands_still_is_restarted(capture: subprocess.Popen[str]) -> None:
    child = child_of(capture.pid)
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    wait_for("another child", another_child(capture, child), 8)


def test_a_parent_that_was_stopped_for_a_while_goes_on(capture: subprocess.Popen[str]) -> None:
    """CPython 3.11's sigtimedwait returns an arbitrary signal then, which ended the call."""
    child = child_of(capture.pid)
    capture.send_signal(signal.SIGSTOP)
    time.sleep(1)
    capture.send_signal(signal.SIGCONT)
    time.sleep(1)
    assert capture.poll() is None
    assert child_of(capture.pid) == child


@pytest.mark.parametrize("state", ["working", "stopped", "being restarted"])
def test_it_stops_within_two_seconds_from_any_state(capture: subprocess.Popen[str], state: str) -> None:
    child = child_of(capture.pid)
    assert child is not None
    if state != "working":
        os.kill(child, signal.SIGSTOP if state == "stopped" else signal.SIGKILL)
    begun = time.monotonic()
    capture.terminate()
    assert capture.wait(5) == 0
    assert time.monotonic() - begun < 2


def test_a_child_that_dies_again_and_again_ends_the_stage_loudly(capture: subprocess.Popen[str]) -> None:
    def kill() -> bool:
        child = child_of(capture.pid) if capture.poll() is None else None
        if child:
            os.kill(child, signal.SIGKILL)
        return capture.poll() is not None

    wait_for("the end", kill, 30)
    assert capture.returncode == 1
    assert capture.stderr is not None and "giving up, the call ends" in capture.stderr.read()


@pytest.mark.parametrize("parent_is", ["working", "stopped"])
def test_no_child_outlives_honcho(run_dir: Path, parent_is: str) -> None:
    """A stopped parent cannot see that honcho is gone: its child looks for itself, and lets go of the camera."""
    with start_call({**DEMO, "sink": "headless"}, run_dir) as call:
        wait_for("all children", lambda: len([s for s in stages(run_dir).values() if s.child]) == 5)
        running = stages(run_dir)
        if parent_is == "stopped":
            for pids in running.values():
                os.kill(pids.parent, signal.SIGSTOP)
        call.kill()
        call.wait()

        def ended(pid: int) -> bool:
            fields = stat_fields(pid)
            return fields is None or fields[0] in "ZX"

        try:
            wait_for("the end of the children", lambda: all(ended(pids.child) for pids in running.values()), 3)
        finally:
            if parent_is == "stopped":
                for pids in running.values():
                    os.kill(pids.parent, signal.SIGCONT)
        wait_for("the end of the parents", lambda: not stages(run_dir), 3)
