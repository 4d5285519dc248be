"""Plays the neighbours of one real process: starts it, waits for what it sends, ends it, looks at its exit."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.call import environment
from tests.pace import as_if_idle
from tests.shared import ROOT

T = TypeVar("T")
PATIENCE_S = 20.0


@contextmanager
def stage(program: str, run_dir: Path, **settings: object) -> Iterator[subprocess.Popen[str]]:
    """`python -m PROGRAM`, which may have words after it, killed with its child at the end whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", *program.split()], cwd=ROOT, env=environment(settings, run_dir), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(what: str, look: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    """Return the first result of `look` that is something.

    Raises:
        AssertionError: None came within `patience_s`, or, on a machine that others use too, as much later as it is slower.
    """
    begun = time.monotonic()
    while not (found := look()):
        waited_s = time.monotonic() - begun
        if waited_s > patience_s and as_if_idle(waited_s) > patience_s:
            raise AssertionError(f"waited {waited_s:.0f} s for {what}, which had {patience_s:.0f} s on an idle machine")
        time.sleep(0.002)
    return found


def end(process: subprocess.Popen[str]) -> tuple[int, str, float]:
    """SIGTERM it; its exit code, what it said, and how many seconds that would have taken on an idle machine."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    return process.returncode, said, as_if_idle(time.monotonic() - begun)


def child_of(pid: int) -> int | None:
    """The worker process of a stage's parent."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def wait_looks(pids: Iterable[int], count: int) -> None:
    """Wait until each of these parents has looked after its child `count` times more. It sleeps before each look."""
    slept = {pid: sleeps_of(pid) for pid in pids}
    wait_for("the looks of the parents", lambda: all(sleeps_of(pid) > slept[pid] + count for pid in slept))


def sleeps_of(pid: int) -> int:
    """How often a process has gone to sleep (voluntary context switches, proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
