"""`make run` of who has no model: it is fetched, or the call comes up all the same and waits for nobody twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infer.fetch import SMALL, SMALL_NAME
from tests.call import BIN, environment, read_until
from tests.infer.server import Server, serving
from tests.pace import as_if_idle
from tests.shared import MASK_RCNN_2GO, ROOT

LIVE_S = 5.0
FETCHING = "model: fetching a small Mask R-CNN (3.8 MB, {} s at most; ONLYME_FETCH=no never asks)\n"

PYTHON = """#!/bin/sh
test "$*" = "-m infer.first_start" && exec {python} first_start.py
exec {python} "$@"
"""
FIRST_START = """
from infer.download import Pinned
from infer.fetch import FOLDER, SMALL
from infer.first_start import fetch_once

if __name__ == "__main__":
    fetch_once(FOLDER, {{name: Pinned("{url}/" + name, pinned.checksum) for name, pinned in SMALL.items()}}, {limit_s})
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({f"/{name}": b"silence" for name in SMALL}) as server:
        yield server


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """This project without a model, whose Python has a first start of its own."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    ours = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ours.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(PYTHON.format(python=BIN / "python"))
    (tmp_path / "bin/python").chmod(0o755)
    (tmp_path / "bin/honcho").symlink_to(BIN / "honcho")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("kernel", 40, "odd number"), ("sink", "moon", "one of auto"), ("kernal", 41, "no such")],
)
def test_a_bad_setting_of_any_stage_is_the_last_line_and_no_stage_is_started(
    name: str, value: object, says: str, run_dir: Path
) -> None:
    env = {k: v for k, v in environment({name: value}, run_dir).items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "run", "PYTHON=true", f"BIN={BIN}"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    mistake, makes_own = done.stdout.splitlines()
    assert mistake.startswith("make run: ") and says in mistake
    assert makes_own.startswith("make: *** ")


def make_run(copy: Path, run_dir: Path, url: str, limit_s: int) -> tuple[list[str], float]:
    """What it says, asking a server at that address for that long, until the call is live, and how many seconds that took
    after it was done with the model, or else after its start."""
    (copy / "first_start.py").write_text(FIRST_START.format(url=url, limit_s=limit_s))
    settings = {"source": "demo", "width": 640, "height": 360, "sink": "headless", "status_every": 0.2}
    env = {k: v for k, v in environment(settings, run_dir).items() if not k.startswith("MAKE")}
    with subprocess.Popen(
        ["make", "run", "PYTHON=true", "BIN=bin"], cwd=copy, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as call:  # fmt: skip
        try:
            begun, said = time.monotonic(), [""]
            while "display: live; " not in said[-1]:
                said += read_until(call, "")
                if is_of_model(said[-1]):
                    begun = time.monotonic()
            return said, time.monotonic() - begun
        finally:
            os.killpg(call.pid, signal.SIGINT)
            call.communicate(timeout=60)


def is_of_model(line: str) -> bool:
    return line.startswith("model: ")


def test_the_call_is_live_soon_after_a_silent_server_was_given_up(
    copy: Path, server: Server, run_dir: Path, segments: None
) -> None:
    server.faults = {f"/{name}": "silent" for name in SMALL}
    said, took_s = make_run(copy, run_dir, server.url(""), 1)
    print(f"live {took_s:.2f} s after it gave up")
    assert len(server.asked) == 1
    assert [line for line in said if is_of_model(line)] == [
        FETCHING.format(1),
        "model: none was fetched (not here within 1 s); the embedded detector finds people, make model tries again\n",
    ]
    assert as_if_idle(took_s) < 2 * LIVE_S, "twice the target, which is of a faster machine"
    said, took_s = make_run(copy, run_dir, server.url(""), 1)
    print(f"second start: live after {took_s:.2f} s")
    assert len(server.asked) == 1
    assert [line for line in said if is_of_model(line)] == []


@pytest.mark.model
def test_the_first_call_uses_what_was_fetched(copy: Path, server: Server, run_dir: Path, segments: None) -> None:
    server.files = {f"/{name}": (MASK_RCNN_2GO / name).read_bytes() for name in SMALL}
    for says in [FETCHING.format(60), f"model: a small Mask R-CNN is in {copy}/mask-rcnn-coco\n"], []:
        said, took_s = make_run(copy, run_dir, server.url(""), 60)
        print(f"live after {took_s:.2f} s")
        assert [line for line in said if is_of_model(line)] == says
        assert sum(f"finds people with Mask R-CNN of mask-rcnn-coco/{SMALL_NAME}" in line for line in said) == 1
    assert len(server.asked) == len(SMALL)
