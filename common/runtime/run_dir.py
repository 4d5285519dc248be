"""Opens the folder of a call's sockets, locks and metrics."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import AlreadyRunningError, ConfigError, RunFolderGoneError
from common.runtime.private_files import make_folder

_own_files: dict[Path, os.stat_result] = {}  # locks that this process holds, and sockets that it bound


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
        raise ConfigError(
            f"--run-dir: expected a folder that can be made, got {run_dir} ({error.strerror}); choose another"
        ) from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ConfigError(f"--run-dir: expected a folder of your own, got {run_dir}; choose another")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"--run-dir: expected a folder that nobody else may write in, got {run_dir} ({stat.filemode(status.st_mode)}); "
            f"run chmod go-w {run_dir}, or choose another"
        )
    try:
        held = list(run_dir.iterdir())
    except OSError as error:
        raise ConfigError(
            f"--run-dir: expected a folder that you may read, got {run_dir} ({error.strerror}); choose another"
        ) from None
    for path in held:
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
        ConfigError: Nothing can be written to the run folder.
    """
    path = run_dir / f"{stream}.lock"
    try:
        file = path.open("a")
    except OSError as error:
        raise ConfigError(
            f"--run-dir: expected a folder that you may write to, got {run_dir} ({error.strerror}); choose another"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(
                f"{stream}: expected to be the only writer, but another process already serves {run_dir}; "
                "end that call first, or give this one its own --run-dir"
            ) from None
        remember_file(path)
        try:
            yield
        finally:
            del _own_files[path]


def remember_file(path: Path) -> None:
    """Have `check_own_files` check this file of the run folder, which others find this process by."""
    _own_files[path] = path.stat()


def check_own_files() -> None:
    """Check that this process's locks and sockets are still in the run folder. Every stage does so once a second.

    Raises:
        RunFolderGoneError: One is not: the folder was removed or emptied. Nobody who starts or restarts from now on would find
            this process.
    """
    for path, ours in _own_files.items():
        try:
            is_there = os.path.samestat(path.stat(), ours)
        except FileNotFoundError:
            is_there = False
        except OSError:  # it cannot be determined now
            continue
        if not is_there:
            raise RunFolderGoneError(f"the run folder {path.parent} was removed or emptied: it is made again")
