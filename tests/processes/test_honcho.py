"""The call under a honcho that starts its runners in another way: the default of multiprocessing depends on the Python.

Up to 3.13 it forks them, from 3.14 on a fork server does.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.runtime.procinfo import command_of, parent_of
from tests.call import environment, processes_of, read_until, stages, start_call
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

SETTINGS: dict[str, object] = {"source": "demo", "width": 320, "height": 180, "sink": "headless", "status_every": 0.2}
METHODS = ("fork", "spawn", "forkserver")
# a spawned runner is honcho's child like a forked one: once a stage has found honcho, nothing is different
DEFAULTS = ("fork", "forkserver")
HONCHO = """
import multiprocessing, sys
from honcho.command import main
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    main()
"""


@contextmanager
def call_under(method: str, run_dir: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A call with everybody at work."""
    script = folder / "other_honcho.py"
    script.write_text(HONCHO)
    with start_call(SETTINGS, run_dir, honcho=[sys.executable, str(script), method]) as call:
        read_until(call, "display: live; ")
        yield call


@pytest.mark.parametrize("method", DEFAULTS)
def test_no_stage_outlives_honcho(method: str, run_dir: Path, tmp_path: Path) -> None:
    with call_under(method, run_dir, tmp_path) as call:
        runner = parent_of(stages(run_dir)["capture.1"].parent)
        assert runner is not None
        started_by_a_server = any("forkserver" in word for word in command_of(runner) or [])
        assert started_by_a_server is (method == "forkserver"), "the negative control: this is the method"
        assert (parent_of(runner) == call.pid) is (method != "forkserver")
        call.kill()
        call.wait()
        wait_for("the end of the stages", lambda: not stages(run_dir), 3)
        wait_for("the end of everybody", lambda: not processes_of(run_dir), 10)


@pytest.mark.parametrize("method", DEFAULTS)
def test_honcho_stops_the_call(method: str, run_dir: Path, tmp_path: Path) -> None:
    with call_under(method, run_dir, tmp_path) as call:
        call.send_signal(signal.SIGTERM)
        said, _ = call.communicate(timeout=60)
        wait_for("the end of everybody", lambda: not processes_of(run_dir), 10)
    assert call.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in said and "SIGKILL" not in said
    assert sorted(line.split()[-1] for line in said.splitlines() if " stopped (rc=" in line) == ["(rc=0)"] * 5


@pytest.mark.parametrize("method", DEFAULTS)
def test_a_honcho_whose_output_was_closed_leaves_no_process(method: str, run_dir: Path, tmp_path: Path) -> None:
    """It fails then, and waits for ever for processes that it never ends: the camera stayed on with nobody to stop it."""
    with call_under(method, run_dir, tmp_path) as call:
        assert call.stdout is not None
        call.stdout.close()  # five times a second display says something that honcho would like to say
        wait_for("the end of everybody", lambda: not processes_of(run_dir), 5)
        wait_for("the end of the stages", lambda: not stages(run_dir))


PROBE = """
import os
from capture.settings import CaptureSettings
from common.runtime.heartbeat import Heartbeat
from common.runtime.parent_watch import find_ancestors
from common.runtime.procinfo import environment_of
from common.runtime.stage_context import StageContext
from common.settings.loader import read_settings
from pathlib import Path

honcho = StageContext(Heartbeat(0), find_ancestors(), 0).honcho
settings = read_settings(CaptureSettings, "probe", [], dotenv_path=Path(".env"), before_honcho=environment_of(honcho))
print("here:", os.environ["ONLYME_WIDTH"], "read:", settings.width, settings.source)
"""


@pytest.mark.parametrize("method", METHODS)
def test_the_users_environment_comes_before_dotenv(method: str, tmp_path: Path) -> None:
    (tmp_path / "honcho.py").write_text(HONCHO)
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "Procfile").write_text(f"probe: exec {sys.executable} probe.py\n")
    (tmp_path / ".env").write_text("ONLYME_WIDTH=640\nONLYME_SOURCE=my clips/a#1.avi\n")
    env = {**environment({"width": 320}, tmp_path), "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "honcho.py", method, "start"]
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "here: 640 read: 320 my clips/a#1.avi\n" in said, "honcho's word is the negative control"
