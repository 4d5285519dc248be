"""What lies in shared memory: names, the header's layout, and what nobody writes any more. Loads no library.

Segment layout, little-endian, one page of header and then the slots, each on a page boundary:
    0  magic 8s | 8 version u32 | 12 capacity u32 | 16 height u32 | 20 width u32 | 24 channels u32 | 28 writer_pid u32
   32  writer_start u64 (clock ticks after boot, /proc/PID/stat) | 40 epoch u64
   64  cursor i64 | 72 heartbeat_ns i64 (CLOCK_MONOTONIC)
"""

from __future__ import annotations

import mmap
import os
import struct
import time

from common.identity import is_running

MAGIC = b"onlyme\0\1"
HEADER = struct.Struct("<8sIIIIIIQQ")
SHM_FOLDER = "/dev/shm"
ABANDONED_AFTER_S = 10.0


class Segment:
    """A piece of shared memory, mapped: a file of `/dev/shm` that only its owner may read.

    Not `multiprocessing.shared_memory`: before Python 3.13 a reader's resource tracker unlinks the segment for everybody
    when that reader exits, a failed attach may do so too, and importing it takes each process 2 MB.

    Args:
        name: Of the file.
        size: Bytes, of a new one; all of its pages are reserved. 0 attaches to one that is there.

    Raises:
        FileNotFoundError: There is none to attach to.
        ValueError: It is empty: its writer has not come further yet.
        OSError: It cannot be made; ENOSPC where memory is short. Nothing of it is left then.
    """

    def __init__(self, name: str, size: int = 0) -> None:
        self.name = name
        fd = os.open(_path_of(name), os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if size else 0), 0o600)
        try:
            if size:
                os.posix_fallocate(fd, 0, size)  # a page that cannot be backed would end the process with SIGBUS
            self.memory = mmap.mmap(fd, os.fstat(fd).st_size)
        except OSError:
            if size:
                self.unlink()
            raise
        finally:
            os.close(fd)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.memory)

    def close(self) -> None:
        """Let go of the mapping.

        Raises:
            BufferError: An array still looks at it.
        """
        self.memory.close()

    def unlink(self) -> None:
        """Remove the name; whoever has it mapped keeps its mapping."""
        _remove(self.name)


def name_prefix() -> str:
    """Start of every segment name of this user."""
    return f"onlyme-{os.getuid()}-"


def sweep() -> list[str]:
    """Remove what `abandoned` finds; returns the names."""
    names = abandoned()
    for name in names:
        _remove(name)
    return names


def abandoned() -> list[str]:
    """Names of this user's segments whose writer (pid *and* start time) is gone.

    SIGKILL leaves segments behind. A segment without a header yet is left alone for `ABANDONED_AFTER_S`: its writer
    may be between creating and filling it.
    """
    try:
        names = sorted(name for name in os.listdir(SHM_FOLDER) if name.startswith(name_prefix()))
    except OSError:  # who wants a segment says what is wrong with the folder
        return []
    found = []
    for name in names:
        try:
            with open(_path_of(name), "rb") as file:
                head, age_s = file.read(HEADER.size), time.time() - os.fstat(file.fileno()).st_mtime
        except OSError:
            continue
        if len(head) == HEADER.size and head[:8] == MAGIC:
            _, _, _, _, _, _, pid, start, _ = HEADER.unpack(head)
            is_left = not is_running(pid, start)
        else:
            is_left = age_s > ABANDONED_AFTER_S
        if is_left:
            found.append(name)
    return found


def _path_of(name: str) -> str:
    return f"{SHM_FOLDER}/{name}"


def _remove(name: str) -> None:
    try:
        os.unlink(_path_of(name))
    except FileNotFoundError:
        return
