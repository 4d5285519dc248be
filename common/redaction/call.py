"""Runs the stages under honcho, as every call does, until the recording is done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from common.command import environment
from common.redaction.settings import STAGES, without_ours
from common.runtime.install import CODE
from common.runtime.procinfo import is_running, start_time

PATIENCE_S = 8.0  # from SIGTERM to SIGKILL: honcho itself kills after 5 s what has not ended
LOST_AFTER_S = 5.0  # from the end of a stage until honcho has surely said so
# lines of honcho's output: 23:59:59 infer.2   | infer: what it says
SAID = re.compile(rf"[\d:]+ ([\w.]+) +\| ((?:{'|'.join(STAGES)}): .*)")
STARTED = re.compile(r"[\d:]+ system +\| ([\w.]+) started \(pid=(\d+)\)")
STOPPED = re.compile(r"[\d:]+ system +\| ([\w.]+) stopped \(rc=(-?\d+)\)")
LOG_TAIL = 40  # lines
AGAIN = "start again: what was found is kept"


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
        self._log, self._lost = log, ""
        self._started: dict[str, int | None] = {}  # stage → when it started, as procinfo says
        self._lost_since: dict[str, float] = {}
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
        """Wait for the end, but no longer than this; return honcho's exit code, None while the stages work.

        A stage may have ended without honcho's notice, where the process that it watches the stage with was killed. honcho
        would wait for ever: it is ended.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._lost = self._find_lost()
            if self._lost:
                self.end()
            return self._process.poll()

    def _find_lost(self) -> str:
        """Return the name of a stage that ended long ago without honcho's notice, "" where there is none."""
        lines, now = self._lines(), time.monotonic()
        stopped = {found[1] for line in lines if (found := STOPPED.fullmatch(line))}
        for name, pid in (found.groups() for line in lines if (found := STARTED.fullmatch(line))):
            started = self._started.setdefault(name, start_time(int(pid)))
            if name in stopped or (started is not None and is_running(int(pid), started)):
                continue
            if now - self._lost_since.setdefault(name, now) > LOST_AFTER_S:
                return str(name)
        return ""

    def reason(self) -> str:
        """Return in one line why the call has ended: what the stage said that ended first."""
        if self._lost:
            return f"honcho has lost {self._lost}; {AGAIN}"
        lines = self._lines()
        first = next((found for line in lines if (found := STOPPED.fullmatch(line))), None)
        if first is None or int(first[2]) < 0:
            return f"{first[1] if first else 'honcho'} was killed; {AGAIN}"
        said = [found[2] for line in lines if (found := SAID.fullmatch(line)) and found[1] == first[1]]
        return said[-1] if said else f"{first[1]} ended with code {first[2]}"

    def tail(self) -> list[str]:
        """Return the last lines that honcho printed."""
        return self._lines()[-LOG_TAIL:]

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()

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
