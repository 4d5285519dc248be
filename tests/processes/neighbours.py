"""Plays the neighbours of one real process: starts it, waits for what it sends, ends it, looks at its exit."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.call import environment
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
    """The first result of `look` that is something; fails after a while."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.002)
    raise AssertionError(f"waited {patience_s:.0f} s for {what}")


def end(process: subprocess.Popen[str]) -> tuple[int, str, float]:
    """SIGTERM it; its exit code, what it said, and how long it took in seconds."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    return process.returncode, said, time.monotonic() - begun


def child_of(pid: int) -> int | None:
    """The worker process of a stage's parent."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None
