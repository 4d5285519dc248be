"""The place where one output is made: a hidden folder beside it, and the run folder of its stages.

The folder's lock (flock(2)) keeps a second redaction of the same output out, and goes with the process that holds it. What a
process left that was killed is removed by the next one, after its stages have ended.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from common.errors import AlreadyRunningError, ConfigError
from common.runtime.environment import runtime_folder
from common.runtime.named_lock import lock_named
from common.runtime.procinfo import environment_of
from common.settings.base import variable_of

PREFIX = "onlyme-redact-"  # of a run folder: short, since the path of a socket is
PATIENCE_S = 10.0  # for the stages of a process that was killed; they end within 2 s
POLL_S = 0.05


class Workplace:
    """Hold the output's lock; on leaving, all that is in the two folders is removed.

    Args:
        out: The output.

    Raises:
        AlreadyRunningError: Another process makes the same output.
        ConfigError: The folder beside the output belongs to somebody else.
        OSError: A folder cannot be made.

    Attributes:
        film, report, judgements: Files of this run; the first has the suffix of `out`.
        run_dir: The run folder of the stages.
        log: File in it for what they say: the disk of the output may be full.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out.parent / f".{out.name}.onlyme"
        self._fd = _lock(self._folder, out)
        self.film = self._folder / f"film{out.suffix}"
        self.report = self._folder / "report.html"
        self.judgements = self._folder / "judgements.jsonl"
        self._note = self._folder / "run-folder"  # where the run folder is, for whoever comes after
        with ExitStack() as on_failure:
            on_failure.callback(os.close, self._fd)
            self._remove_contents()
            self.run_dir = Path(tempfile.mkdtemp(prefix=PREFIX, dir=runtime_folder()))
            self.log = self.run_dir / "log"
            self._note.write_bytes(os.fsencode(self.run_dir))
            on_failure.pop_all()

    def _remove_contents(self) -> None:
        with suppress(FileNotFoundError):
            run_dir = Path(os.fsdecode(self._note.read_bytes()))
            if run_dir.name.startswith(PREFIX):
                _wait_for_end_of(run_dir)
                shutil.rmtree(run_dir, ignore_errors=True)
        for path in self._folder.iterdir():
            path.unlink()

    def __enter__(self) -> Workplace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._remove_contents()
            self._folder.rmdir()
        finally:
            os.close(self._fd)


def _lock(folder: Path, out: Path) -> int:
    """Make the folder and return a descriptor that holds its lock."""

    def opened(path: Path) -> int:
        while True:
            path.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # the last one that had it has just removed it
                fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                break
        if (owner := os.fstat(fd).st_uid) != os.getuid():
            os.close(fd)
            raise ConfigError(f"{out}: expected {path} to be yours, got a folder of user {owner}; remove it")
        return fd

    try:
        return lock_named(folder, opened)
    except BlockingIOError:
        raise AlreadyRunningError(
            f"{out}: expected to be the only one that makes it, but another process does; wait for its end, or name "
            "another output"
        ) from None


def _wait_for_end_of(run_dir: Path) -> None:
    """Wait until no process has this run folder any more, or patience ends."""
    entry, deadline = (variable_of("run_dir"), str(run_dir)), time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(_has(int(path.name), entry) for path in Path("/proc").glob("[0-9]*")):
        time.sleep(POLL_S)


def _has(pid: int, entry: tuple[str, str]) -> bool:
    found = environment_of(pid)
    return found is not None and found.get(entry[0]) == entry[1]
