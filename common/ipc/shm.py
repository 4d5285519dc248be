"""What lies in shared memory: names, the header's layout, and what nobody writes any more. Loads no library.

Segment layout 2, little-endian, one page of header and then the slots, each on a page boundary:
    0  magic 8s | 8 version u32 | 12 capacity u32 | 16 height u32 | 20 width u32 | 24 channels u32 | 28 nothing u32
   32  epoch u64
   64  cursor i64 | 72 heartbeat_ns i64 (CLOCK_MONOTONIC)

The writer holds a lock on its segment (flock(2)), which the kernel takes back when the writer is gone. So a
reader can tell also where it could not find the writer's pid: in another container that shares `/dev/shm`, and however long the
writer stands still.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import struct
import time

MAGIC = b"onlyme\0\2"
HEADER = struct.Struct("<8sIIIII4xQ")
SHM_FOLDER = "/dev/shm"
STALE_AFTER_S = 10.0


class SharedMemory:
    """A piece of shared memory, mapped: a file of `/dev/shm` that only its owner may read.

    Not `multiprocessing.shared_memory`: before Python 3.13 a reader's resource tracker unlinks the segment for everybody
    when that reader exits, a failed attach may do so too, and importing it takes each process 2 MB.

    Args:
        name: Of the file.
        size: Bytes, of a new one; all of its pages are reserved, and its lock is held until it is closed. 0 attaches to one
            that is there.

    Raises:
        FileNotFoundError: There is none to attach to.
        ValueError: It is empty: its writer has not come further yet.
        PermissionError: Somebody else made it, or it is no file.
        OSError: It cannot be made; ENOSPC where memory is short. Nothing of it is left then.
    """

    def __init__(self, name: str, size: int = 0) -> None:
        self.name = name
        fd = _open_ours(name, os.O_RDWR | (os.O_CREAT | os.O_EXCL if size else 0))
        try:
            if size:
                fcntl.flock(fd, fcntl.LOCK_EX)  # it lasts as long as the mapping, which holds the same open file
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


def remove_stale() -> list[str]:
    """Remove what `find_stale` finds; returns the names."""
    names = find_stale()
    for name in names:
        _remove(name)
    return names


def find_stale() -> list[str]:
    """Names of this user's segments whose writer is gone.

    SIGKILL leaves segments behind. A segment without a header yet is left alone for `STALE_AFTER_S`: its writer
    may be between creating and locking it. What is not ours (of another owner, or no file) is left alone for ever.
    """
    try:
        names = sorted(name for name in os.listdir(SHM_FOLDER) if name.startswith(name_prefix()))
    except OSError:  # who wants a segment says what is wrong with the folder
        return []
    return [name for name in names if _is_stale(name)]


def _is_stale(name: str) -> bool:
    try:
        fd = _open_ours(name, os.O_RDONLY)
    except OSError:  # it is gone, not ours, or nobody can tell now
        return False
    try:
        is_young = time.time() - os.fstat(fd).st_mtime <= STALE_AFTER_S
        if is_young and os.read(fd, len(MAGIC)) != MAGIC:
            return False
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # its writer holds the lock
        return False
    finally:
        os.close(fd)
    return True


def _open_ours(name: str, flags: int) -> int:
    """A descriptor of a segment.

    Others may put what they like into `/dev/shm`, under our names too: a link is not followed, a pipe not waited for.

    Raises:
        PermissionError: Somebody else made it, or it is no file.
        OSError: It cannot be opened.
    """
    fd = os.open(_path_of(name), flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
        os.close(fd)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return fd


def _path_of(name: str) -> str:
    return f"{SHM_FOLDER}/{name}"


def _remove(name: str) -> None:
    try:
        os.unlink(_path_of(name))
    except FileNotFoundError:
        return
