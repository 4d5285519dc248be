"""Runs the stages under honcho, as every call does, until the recording is done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from common.command import environment
from common.redaction.settings import STAGES, without_ours
from common.runtime.install import CODE

PATIENCE_S = 8.0  # from SIGTERM to SIGKILL: honcho itself kills after 5 s what has not ended
# a line of a stage's log, as honcho prints it: 23:59:59 infer.2   | infer: what it says
SAID = re.compile(rf"[\d:]+ [\w.]+ +\| ((?:{'|'.join(STAGES)}): .*)")
LOG_TAIL = 40  # lines


class Call:
    """One honcho with its stages; on leaving, nothing of them runs any more.

    Args:
        stage_variables: Variables ONLYME_* of the stages.
        workers: How many look for people.
        log: File that takes what the stages say.
        procfile: Which programs the stages are.

    Raises:
        OSError: honcho cannot be started, or the log cannot be written.
    """

    def __init__(
        self, stage_variables: Mapping[str, str], workers: int, log: Path, procfile: Path = CODE / "Procfile"
    ) -> None:
        self._log = log
        command = [
            sys.executable, "-m", "common.redaction.bound_honcho", str(os.getpid()),
            "start", "-f", str(procfile), "-e", os.devnull, "-c", f"infer={workers}", *STAGES,
        ]  # fmt: skip
        with log.open("w") as said:
            self._process = subprocess.Popen(
                command,
                env={**without_ours(environment()), **stage_variables},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes to this process alone, which then ends the stages
            )

    def wait(self, seconds: float) -> int | None:
        """Wait for the end, but no longer than this; return honcho's exit code, None while the stages work."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """Return the last line that a stage logged, "" where none did."""
        lines = [found[1] for line in self.tail() if (found := SAID.fullmatch(line))]
        return lines[-1] if lines else ""

    def tail(self) -> list[str]:
        """Return the last lines that honcho printed."""
        return self._log.read_text(errors="replace").splitlines()[-LOG_TAIL:]

    def end(self) -> None:
        """End all stages and wait for their end."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()  # the stages see it, and end by themselves
                self._process.wait()

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
