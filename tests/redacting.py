"""The real command that redacts a recording, for tests and benches."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.calls import pss_mb
from tests.call import environment, processes_with
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

MARK = "REDACTED_BY_TESTS"
LOOK_AT_IT = 3  # exit code: the film is whole, and a person should look at some moments of it
WHOLE = (0, LOOK_AT_IT)


class Redacting:
    """The command at work, and every process that it has started, however deep.

    Args:
        process: The command itself. Its output is piped.
        mark: Stands in the environment of all of them.
    """

    def __init__(self, process: subprocess.Popen[str], mark: str) -> None:
        self.process, self._mark = process, mark

    def end(self, limit_s: float = 600) -> tuple[int, str]:
        """Wait for its end. Returns the exit code and all that was said."""
        said, _ = self.process.communicate(timeout=limit_s)
        return self.process.returncode, said

    def pss_mb(self) -> float:
        """Return the memory that all its processes share and hold, in MB."""
        return sum(pss_mb(pid) for pid in processes_with(self._mark))

    def kill(self) -> None:
        """Kill everything at once (SIGKILL), and wait until nothing of it is left."""

        def none_left() -> bool:
            found = processes_with(self._mark)
            for pid in found:
                with contextlib.suppress(ProcessLookupError):  # it died with its parent
                    os.kill(pid, signal.SIGKILL)
            return not found

        wait_for("the end of what was killed", none_left)


@contextmanager
def start_redact(
    source: Path, out: Path, folder: Path, settings: Mapping[str, object] | None = None
) -> Iterator[Redacting]:
    """Start to redact a recording; whatever is left of it at the end is killed.

    Args:
        source: The recording.
        out: The file to write.
        folder: Where temporary files may lie, made where it is not there; short, since sockets lie there too.
        settings: By the names of the flags, "-" written as "_".
    """
    folder.mkdir(parents=True, exist_ok=True)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in (settings or {}).items()]
    mark = f"{MARK}={uuid.uuid4().hex}"
    env = {k: v for k, v in environment({}, folder).items() if k != "ONLYME_RUN_DIR"}
    env |= {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(folder), MARK: mark.partition("=")[2]}
    process = subprocess.Popen(
        [sys.executable, "-m", "common.redaction", str(source), "-o", str(out), *flags], cwd=ROOT, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    redacting = Redacting(process, mark)
    try:
        yield redacting
    finally:
        redacting.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()


def redact(
    source: Path, out: Path, folder: Path, settings: Mapping[str, object] | None = None, limit_s: float = 600
) -> tuple[int, str]:
    """Redact a recording. Returns the exit code and all that the command said."""
    with start_redact(source, out, folder, settings) as redacting:
        return redacting.end(limit_s)
