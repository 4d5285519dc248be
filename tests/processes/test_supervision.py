"""A stage's parent and child, signalled from outside. Capture is the stage; all are launched alike.

A relay without an address is the stage that has nothing to do.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from common.runtime import supervisor
from common.runtime.exit_codes import EXIT_CRASHED, EXIT_OK, EXIT_USAGE
from common.runtime.procinfo import is_running, start_time
from common.runtime.run_dir import open_run_dir
from tests.call import environment, free_port, procfile_of, read_until, stages, start_call
from tests.pace import as_if_idle
from tests.processes.impatient import STUCK_AFTER_S
from tests.processes.neighbours import child_of, stage, wait_for, wait_looks
from tests.shared import ROOT

DEMO: dict[str, object] = {"source": "demo", "width": 320, "height": 180}


@pytest.fixture
def capture(run_dir: Path) -> Iterator[subprocess.Popen[str]]:
    with stage("tests.processes.impatient capture", run_dir, **DEMO) as process:
        wait_for("its child at work", lambda: list(run_dir.glob("*/capture-*.json")))
        yield process


def another_child(process: subprocess.Popen[str], than: int | None) -> Callable[[], bool]:
    return lambda: child_of(process.pid) not in (than, None)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGRTMIN + 1])
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
    wait_for("another child", another_child(capture, child), STUCK_AFTER_S + 3)


def test_parent_and_child_that_were_stopped_together_go_on(capture: subprocess.Popen[str]) -> None:
    """As by `docker pause` or the freezer: that the child stood still is no fault of its own."""
    child = child_of(capture.pid)
    assert child is not None
    for pid in (child, capture.pid):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(STUCK_AFTER_S + 0.5)
    capture.send_signal(signal.SIGCONT)
    wait_looks([capture.pid], 1)  # it sees its child's silence before that can break it
    os.kill(child, signal.SIGCONT)
    wait_looks([capture.pid], 2)
    assert (capture.poll(), child_of(capture.pid)) == (None, child)


def test_a_child_that_stays_stopped_when_its_parent_goes_on_is_restarted(capture: subprocess.Popen[str]) -> None:
    child = child_of(capture.pid)
    assert child is not None
    for pid in (child, capture.pid):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(supervisor.PAUSED_AFTER_S + 0.5)
    capture.send_signal(signal.SIGCONT)
    wait_for("another child", another_child(capture, child), STUCK_AFTER_S + 3)


def test_a_whole_call_that_was_stopped_for_long_keeps_its_children(run_dir: Path) -> None:
    open_run_dir(run_dir)
    names = ("capture", "infer", "compose", "display", "relay")
    procfile = procfile_of(run_dir, {name: f"tests.processes.impatient {name}" for name in names})
    with start_call({**DEMO, "sink": "headless", "status_every": 0.2}, run_dir, procfile=procfile) as call:
        read_until(call, "display: live; ")
        before = stages(run_dir)
        assert len(before) == len(names)
        pids = [pid for stage in before.values() for pid in stage.pids]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STUCK_AFTER_S + 0.5)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        read_until(call, "display: live; ")
        wait_looks([stage.parent for stage in before.values()], 4)
        assert stages(run_dir) == before
        call.terminate()
        said, _ = call.communicate(timeout=60)
    assert "stuck" not in said


def test_a_parent_that_was_stopped_for_a_while_goes_on(capture: subprocess.Popen[str]) -> None:
    """CPython 3.11's sigtimedwait returns an arbitrary signal then, which ended the call."""
    child = child_of(capture.pid)
    capture.send_signal(signal.SIGSTOP)
    time.sleep(supervisor.PAUSED_AFTER_S + 0.1)
    capture.send_signal(signal.SIGCONT)
    wait_looks([capture.pid], 2)
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
    assert capture.wait(20) == 0
    assert as_if_idle(time.monotonic() - begun) < 2


def test_a_child_that_dies_again_and_again_ends_the_stage_loudly(capture: subprocess.Popen[str]) -> None:
    def kill() -> bool:
        child = child_of(capture.pid) if capture.poll() is None else None
        if child:
            os.kill(child, signal.SIGKILL)
        return capture.poll() is not None

    wait_for("the end", kill, 30)
    assert capture.returncode == EXIT_CRASHED
    assert capture.stderr is not None and "giving up, the call ends" in capture.stderr.read()


def test_connections_that_take_every_descriptor_do_not_end_a_stage(run_dir: Path) -> None:
    """Who cannot open /proc any more must not conclude that its parent is gone."""
    limit, port = 64, free_port()
    with stage("display", run_dir, sink="web", web=f"127.0.0.1:{port}") as display, ExitStack() as connections:
        wait_for("its child", lambda: child_of(display.pid))
        child = child_of(display.pid)
        assert child is not None
        resource.prlimit(child, resource.RLIMIT_NOFILE, (limit, limit))

        def no_descriptor_is_left() -> bool:
            try:
                connections.enter_context(socket.create_connection(("127.0.0.1", port), 1))
            except OSError:  # it does not listen yet, or accepts nobody for a while
                time.sleep(0.05)
            return len(list(Path(f"/proc/{child}/fd").iterdir())) >= limit

        wait_for("the flood", no_descriptor_is_left)
        time.sleep(1)  # it looks four times
        assert (display.poll(), child_of(display.pid)) == (None, child)
        display.terminate()
        assert display.wait(5) == EXIT_OK


@pytest.mark.parametrize("asked_by", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_with_nothing_to_do_waits_in_its_loop(run_dir: Path, asked_by: int) -> None:
    with stage("display.relay", run_dir) as relay:
        for turn in ("first", "later"):
            (metrics,) = wait_for(f"a {turn} turn of its loop", lambda: list(run_dir.glob("*/display.relay-*.json")))
            metrics.unlink()  # the loop writes it again once a second
        assert metrics.stem.endswith(f"-{child_of(relay.pid)}"), "its first child still works"
        relay.send_signal(asked_by)
        assert relay.wait(2) == EXIT_OK
        assert relay.stderr is not None and relay.stderr.read() == ""


@pytest.mark.parametrize(("level", "said"), [("warning", "capture: killed by SIGKILL: restarting"), ("error", "")])
def test_the_parent_logs_from_the_level_that_its_child_has_read(run_dir: Path, level: str, said: str) -> None:
    with stage("capture", run_dir, **DEMO, log_level=level) as process:
        wait_for("its child at work", (run_dir / "frames").exists)
        child = child_of(process.pid)
        assert child is not None
        os.kill(child, signal.SIGKILL)
        wait_for("another child", another_child(process, child), 3)
        process.terminate()
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert [line[: len(said)] for line in lines] == ([said] if said else [])


@pytest.mark.parametrize("flags", [["--help"], ["--width", "1"]])
def test_help_and_mistakes_end_the_stage_at_once(run_dir: Path, flags: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "capture", *flags], cwd=ROOT, env=environment(DEMO, run_dir), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if flags == ["--help"]:
        assert (done.returncode, done.stderr, done.stdout[:24]) == (EXIT_OK, "", "usage: python -m capture")
    else:
        assert done.returncode == EXIT_USAGE and done.stderr.count("\n") == 1 and "64..16384" in done.stderr


@pytest.mark.parametrize("flags", [["--help"], ["--width", "1"]])
def test_a_child_whose_output_nobody_reads_ends_as_it_should(run_dir: Path, flags: list[str]) -> None:
    """A flush that failed kept it from ending with its exit code: it was restarted again and again."""
    buffered = {k: v for k, v in environment(DEMO, run_dir).items() if k != "PYTHONUNBUFFERED"}
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "capture", *flags], cwd=ROOT, env=buffered, stdout=nobody, stderr=nobody, check=False,
            timeout=60,
        )  # fmt: skip
    assert done.returncode == (EXIT_OK if flags == ["--help"] else EXIT_USAGE)


@pytest.mark.parametrize("runner_is", ["there", "gone"])
def test_a_stage_that_begins_when_honcho_is_gone_ends_before_it_has_a_child(run_dir: Path, runner_is: str) -> None:
    """honcho killed while it starts: its runner is somebody else's orphan by then (here ours), or the stage itself is."""
    settings = {**environment(DEMO, run_dir), "HONCHO_PROCESS_NAME": "capture.1"}
    stage_later = ["sh", "-c", f"sleep 0.5; exec {sys.executable} -m capture"]
    runner = f"import subprocess; run = subprocess.Popen({stage_later}); {runner_is == 'there'} and run.wait()"
    done = subprocess.run(  # until the stage lets go of its output
        [sys.executable, "-c", runner], cwd=ROOT, env=settings, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.splitlines() == ["capture: honcho is gone, or stops nobody any more: ending"]
    assert not run_dir.exists()


def test_no_child_outlives_honcho_while_its_parent_is_stopped(run_dir: Path) -> None:
    """Such a parent cannot see that honcho is gone: its child looks for itself, and lets go of the camera.

    Of parents that work tests/processes/test_honcho.py tells.
    """
    with start_call({**DEMO, "sink": "headless"}, run_dir) as call:
        wait_for("all children", lambda: len([s for s in stages(run_dir).values() if s.child]) == 5)
        running = stages(run_dir)
        children = [(pids.live_child, start_time(pids.live_child) or 0) for pids in running.values()]
        for pids in running.values():
            os.kill(pids.parent, signal.SIGSTOP)
        call.kill()
        call.wait()
        try:
            wait_for("the end of the children", lambda: not any(is_running(*child) for child in children), 3)
        finally:
            for pids in running.values():
                os.kill(pids.parent, signal.SIGCONT)
        wait_for("the end of the parents", lambda: not stages(run_dir), 3)
