"""The real Procfile under honcho, for tests and benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.shared import ROOT

BIN = Path(sys.executable).parent


def environment(settings: Mapping[str, object], run_dir: Path) -> dict[str, str]:
    """This environment without our own variables, plus `settings` as ONLYME_*, and a run folder of its own."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("ONLYME_")}
    ours = {f"ONLYME_{k.upper()}": str(v) for k, v in {"run_dir": run_dir, **settings}.items()}
    return {**plain, "PATH": f"{BIN}:{plain.get('PATH', '')}", **ours}


@contextmanager
def start_call(
    settings: Mapping[str, object], run_dir: Path, workers: int = 1, screen: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`honcho start` with its output piped and no standard input; killed in the end whatever happens."""
    env = environment(settings, run_dir)
    env.pop("WAYLAND_DISPLAY", None)
    env.pop("DISPLAY", None)
    if screen:
        env["DISPLAY"] = screen
    call = subprocess.Popen(
        [str(BIN / "honcho"), "start", "-c", f"infer={workers}"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield call
    finally:
        if call.poll() is None:
            call.kill()  # the stages see it and end by themselves
        if call.stdout is not None and not call.stdout.closed:
            call.communicate()


def run_call(settings: Mapping[str, object], run_dir: Path, workers: int = 1, limit_s: float = 90) -> tuple[int, str]:
    """Run a call that ends by itself; returns its exit code and all it said."""
    with start_call(settings, run_dir, workers) as call:
        said, _ = call.communicate(timeout=limit_s)
    return call.returncode, said
