"""Keeps files, folders and memory of this process from other users."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path


def be_private() -> None:
    """Have this process and its children make files that only their user may read, and write no core dump.

    Files get mode 0600 and folders 0700, also those that OpenCV, FFmpeg and ZeroMQ make. Others cannot connect to Unix
    sockets. A core dump would hold frames, so its size is limited to 0. Where the kernel hands dumps to a program it ignores
    that limit, so the filter leaves all memory out as well (core(5)).
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/coredump_filter").write_text("0")
    except OSError:  # the kernel writes no dumps, or nobody may write here: the limit stands
        return


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, each with mode 0700. A folder that exists keeps its mode.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 that a reader finds whole or not at all; one that is there is replaced.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}.part")
    part.unlink(missing_ok=True)  # left by a process of that number that was killed
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
