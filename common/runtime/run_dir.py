"""Opens the folder of a call's sockets, locks and metrics."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import AlreadyRunningError, ConfigError
from common.runtime.private_files import make_folder


def open_run_dir(run_dir: Path) -> Path:
    """Make the run folder with mode 0700 and return it. A folder that exists keeps its mode.

    The files that we put into it are private too (private_files.py), so others may look into the folder. They must not be
    able to write to it, because they could replace one of our sockets by theirs. It must not hold anything of theirs either:
    a pipe would keep us waiting, and a link would have us overwrite a file elsewhere.

    Raises:
        ConfigError: The folder or something in it belongs to another user, others may write to it, it is no folder, or it
            cannot be made.
    """
    try:
        make_folder(run_dir)
        status = run_dir.lstat()
    except OSError as error:
        raise ConfigError(f"--run-dir: expected a folder that can be made, got {run_dir} ({error.strerror})") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ConfigError(f"--run-dir: expected a folder of your own, got {run_dir}; choose another")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"--run-dir: expected a folder that nobody else may write in, got {run_dir} ({stat.filemode(status.st_mode)}); "
            f"run chmod go-w {run_dir}, or choose another"
        )
    for path in run_dir.iterdir():
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:  # removed by a stage that just ended
            continue
        if owner not in (0, os.getuid()):
            raise ConfigError(
                f"--run-dir: expected nothing of others in {run_dir}, got {path.name} of user {owner}, who could write there "
                f"once; remove it, or choose another"
            )
    return run_dir


@contextmanager
def writer_lock(run_dir: Path, stream: str) -> Iterator[None]:
    """Hold the lock that makes this process the only writer of a stream. The kernel releases it when the process dies.

    Raises:
        AlreadyRunningError: Another process holds it.
    """
    with (run_dir / f"{stream}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(
                f"{stream}: expected to be the only writer, but another process already serves {run_dir}; "
                "end that call first, or give this one its own --run-dir"
            ) from None
        yield
