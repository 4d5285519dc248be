"""Locks the file or folder that has a name now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def lock_named(path: Path, opened: Callable[[Path], int]) -> int:
    """Return a descriptor that holds the lock (flock(2)) of what has this name. The kernel releases it when the process dies.

    Another process may remove it, or give it another name, between opening and locking: then what has the name now is opened.

    Args:
        path: Its name.
        opened: Opens it, or makes it, and returns a descriptor.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: It cannot be opened or locked; and whatever `opened` raises.
    """
    while True:
        fd = opened(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _has_name(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _has_name(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
