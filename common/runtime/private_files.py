"""Nothing that a process leaves is for others: modes of files and folders, and no core dumps."""

from __future__ import annotations

import os
import resource
from pathlib import Path


def be_private() -> None:
    """Have this process and its children make files that only their user may read, and leave no memory behind in a crash.

    Files are 0600 and folders 0700, also those that OpenCV, FFmpeg and ZeroMQ make; others cannot connect to Unix sockets.
    A core dump would hold frames: its size is 0, and where a program takes dumps from the kernel, which then ignores the
    size, nothing of the memory goes in (core(5)).
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/coredump_filter").write_text("0")
    except OSError:  # a kernel that dumps no core at all, or one that lets nobody write here: the size stands
        return


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, 0700 each; one that is there keeps its mode.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
