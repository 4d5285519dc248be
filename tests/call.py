"""The real Procfile under honcho, for tests and benchmarks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from common.runtime.procinfo import parent_of
from tests.shared import ROOT

BIN = Path(sys.executable).parent


def environment(settings: Mapping[str, object], run_dir: Path) -> dict[str, str]:
    """This environment without our own variables, plus `settings` as ONLYME_*, and a run folder of its own."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("ONLYME_")}
    ours = {f"ONLYME_{k.upper()}": str(v) for k, v in {"run_dir": run_dir, **settings}.items()}
    return {**plain, "PATH": f"{BIN}:{plain.get('PATH', '')}", **ours}


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def procfile_of(run_dir: Path, modules: Mapping[str, str]) -> Path:
    """Write a Procfile beside a run folder, in which `modules` stand for the stages that they are named after, such as
    compose: "tests.faults.unsafe_compose raw"; returns its path."""
    lines = (ROOT / "Procfile").read_text()
    for stage, module in modules.items():
        lines = re.sub(rf"^{stage}: exec python -m .*$", f"{stage}: exec python -m {module}", lines, flags=re.MULTILINE)
    path = run_dir.with_name("Procfile")
    path.write_text(lines)
    return path


@contextmanager
def start_call(
    settings: Mapping[str, object],
    run_dir: Path,
    workers: int = 1,
    screen: str | None = None,
    procfile: Path | str = "Procfile",
    *,
    honcho: Sequence[str] = (str(BIN / "honcho"),),
) -> Iterator[subprocess.Popen[str]]:
    """`honcho start` with its output piped and no standard input; killed in the end whatever happens."""
    env = environment(settings, run_dir)
    env.pop("WAYLAND_DISPLAY", None)
    env.pop("DISPLAY", None)
    if screen:
        env["DISPLAY"] = screen
    call = subprocess.Popen(
        [*honcho, "start", "-d", str(ROOT), "-f", str(procfile), "-c", f"infer={workers}"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield call
    finally:
        if call.poll() is None:
            call.kill()  # the stages see it and end by themselves
        if call.stdout is not None and not call.stdout.closed:
            call.communicate()


def read_until(call: subprocess.Popen[str], text: str, limit_s: float = 120) -> list[str]:
    """Read what a call says up to a line that holds `text`; raises AssertionError where it ends before, or is ended
    because it did not say so within `limit_s`."""
    assert call.stdout is not None
    said: list[str] = []
    patience = threading.Timer(limit_s, call.terminate)
    patience.start()
    try:
        for line in call.stdout:
            said.append(line)
            if text in line:
                return said
    finally:
        patience.cancel()
    raise AssertionError(f"the call ended before it said {text!r}:\n" + "".join(said))


def printed_url(said: list[str]) -> str:
    """The address of the page, with its token, in what a call said; raises AssertionError where there is none."""
    found = re.search(r"open (http://\S+/\?token=\S+)", "".join(said))
    assert found is not None, "".join(said)
    return found[1]


class Stage(NamedTuple):
    """The two processes of one line of the Procfile, such as "infer.1"; `child` is None while there is none.

    Not 0, which to os.kill is everybody in the caller's own process group.
    """

    parent: int
    child: int | None

    @property
    def pids(self) -> list[int]:
        """Of those that there are."""
        return [pid for pid in self if pid is not None]

    @property
    def live_child(self) -> int:
        """The child; raises AssertionError where there is none."""
        assert self.child is not None
        return self.child


def processes_of(run_dir: Path) -> list[int]:
    """Pids of everything whose environment names a run folder, honcho and its runners included."""
    return processes_with(str(run_dir))


def processes_with(text: str) -> list[int]:
    """Pids of everything whose environment held `text` when it was started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def stages(run_dir: Path) -> dict[str, Stage]:
    """What runs on a run folder, by the name that honcho gave it."""
    pids: dict[int, tuple[str, int]] = {}
    for pid in processes_of(run_dir):
        path = Path(f"/proc/{pid}")
        try:
            environ = dict(item.split("=", 1) for item in (path / "environ").read_text().split("\0") if "=" in item)
            words = (path / "cmdline").read_text().split("\0")
            if environ.get("ONLYME_RUN_DIR") == str(run_dir) and "-m" in words:
                name = environ.get("HONCHO_PROCESS_NAME", words[words.index("-m") + 1])
                pids[pid] = (name, parent_of(pid) or 0)
        except (OSError, ValueError):
            continue
    children = {parent: pid for pid, (_, parent) in pids.items() if parent in pids}
    return {name: Stage(pid, children.get(pid)) for pid, (name, parent) in pids.items() if parent not in pids}


def run_call(settings: Mapping[str, object], run_dir: Path, workers: int = 1, limit_s: float = 90) -> tuple[int, str]:
    """Run a call that ends by itself; returns its exit code and all it said."""
    with start_call(settings, run_dir, workers) as call:
        said, _ = call.communicate(timeout=limit_s)
    return call.returncode, said
