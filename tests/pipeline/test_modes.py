"""Who may read what a call leaves: its user alone, whoever wrote it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.ipc.streams import COMPOSITES_WANTED, FRAMES_WANTED, IPC_STREAMS
from tests.call import environment, run_call, stages, start_call
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

DEMO: dict[str, object] = {"source": "demo", "width": 320, "height": 180}
SOMEBODY = 65534


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """What most systems have: with it files are readable by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Every file and folder in it."""
    return {str(p.relative_to(folder)): stat.filemode(p.lstat().st_mode) for p in folder.rglob("*")}


OF_A_CALL = [each for each in IPC_STREAMS if each not in (FRAMES_WANTED, COMPOSITES_WANTED)]  # these are of a recording


@pytest.mark.parametrize(
    ("sink", "out", "files"), [("record", "new/rec", 5), ("video", "new/call.mp4", 1)], ids=["record", "video"]
)
def test_what_a_call_writes_is_its_users_alone(sink: str, out: str, files: int, run_dir: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code, said = run_call({**DEMO, "sink": sink, "out": tmp_path / out, "seconds": 1}, run_dir)
    assert code == 0, said
    for folder in (tmp_path, run_dir):
        wide = {path: mode for path, mode in modes(folder).items() if mode[4:] != "------"}
        assert wide == {}
    written = [path for path, mode in modes(tmp_path).items() if mode == "-rw-------"]
    assert len(written) >= files
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755, "a folder that was there keeps its mode"
    assert {mode for path, mode in modes(run_dir).items() if path in ("frames", "control")} <= {"srwx------"}


@pytest.mark.root
def test_nobody_else_reaches_the_sockets_in_a_folder_that_others_may_look_into(run_dir: Path) -> None:
    run_dir.parent.chmod(0o755)
    run_dir.mkdir()
    run_dir.chmod(0o755)
    code = f"""
import os, socket, sys
os.chdir({str(run_dir)!r})  # the folders above may be closed to others
if sys.argv[1:]: os.setgroups([]); os.setgid({SOMEBODY}); os.setuid({SOMEBODY})
for name in os.listdir("."):
    try: socket.socket(socket.AF_UNIX).connect(name); print("in")
    except ConnectionRefusedError: print("no socket")
    except PermissionError: print("out")
"""
    with start_call({**DEMO, "sink": "headless"}, run_dir):
        wait_for("every socket", lambda: len([p for p in run_dir.iterdir() if p.is_socket()]) == len(OF_A_CALL))
        told = {who: _said(code, *who) for who in ((), ("somebody",))}
    assert told[()].count("in") == len(OF_A_CALL), "the negative control: its user may"
    assert told[("somebody",)].count("in") == told[("somebody",)].count("no socket") == 0
    assert told[("somebody",)].count("out") >= len(OF_A_CALL)


def _said(code: str, *words: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")


def leaves_no_core(pid: int) -> bool:
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (size,) = (line.split()[4:6] for line in limits if line.startswith("Max core file size"))
    return size == ["0", "0"] and int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16) == 0


def all_of(run_dir: Path) -> list[int]:
    """The processes of a call once all are there, five parents and five children; none before."""
    found = stages(run_dir).values()
    pids = [pid for stage in found for pid in stage.pids]
    return pids if len(pids) == 10 else []


def test_no_process_of_a_call_leaves_a_core(run_dir: Path) -> None:
    with start_call({**DEMO, "sink": "headless"}, run_dir):
        pids = wait_for("five parents and five children", lambda: all_of(run_dir))
        wait_for("the relay, which comes last", lambda: all(map(leaves_no_core, pids)), 5)


def test_a_run_folder_that_others_may_write_in_is_one_line(run_dir: Path) -> None:
    run_dir.mkdir()
    run_dir.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-m", "capture"], cwd=ROOT, env=environment(DEMO, run_dir), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected a folder that nobody else may write in" in done.stderr and "Traceback" not in done.stderr
    assert list(run_dir.iterdir()) == []
