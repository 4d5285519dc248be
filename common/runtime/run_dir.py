"""The folder of a call's sockets, locks and metrics."""

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
    """Make the folder of sockets and locks, its owner's alone; one that is there keeps its mode.

    What we put into it is its owner's alone too (common/runtime/private_files.py), so others may look into a folder that was there. They
    must not write: they could put a socket of their own in the place of one of ours. Nor may anything lie there that others
    put in while they could: a pipe would keep us waiting, and through a link a file elsewhere would be overwritten.

    Raises:
        ConfigError: It or something in it belongs to somebody else, others may write in it, it is no folder, or it cannot be
            made.
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
        except FileNotFoundError:  # of a stage that ends
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
