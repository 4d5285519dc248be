"""Shared memory: segments and their names, the header of a ring, and the removal of stale segments.

A segment is one file of `/dev/shm`. Little-endian, one page of header and then the slots, each on a page boundary:
    0  magic 8s, whose last byte is the number of the layout
   12  capacity u32 | 16 height u32 | 20 width u32 | 24 channels u32
   32  epoch u64
   64  cursor i64

The writer holds a lock (flock(2)) on its segment, and the kernel releases it when the writer ends. A segment without a lock
is therefore stale, and this can be told even where the writer's pid is not visible (in another container that shares
`/dev/shm`) and where the writer has been stopped for long.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import struct
import time
from pathlib import Path

MAGIC = b"onlyme\0\2"
HEADER = struct.Struct("<8s4xIIII4xQ")
CURSOR_OFFSET = 64
PAGE = 4096
RELEASED = 2**62  # cursor of a ring whose pixels were given back: every frame counts as overwritten
SHM_FOLDER = "/dev/shm"
STALE_AFTER_S = 10.0


class SharedMemory:
    """Maps a segment: a file of `/dev/shm` that only its owner may read.

    `multiprocessing.shared_memory` is not used: before Python 3.13 the resource tracker of a reader removes the segment for
    everybody when that reader exits, and a failed attach may do so too.

    Args:
        name: Name of the segment.
        size: Bytes of a new segment, all of whose pages are reserved and whose lock is held until it is closed; 0 attaches
            to an existing one.

    Raises:
        FileNotFoundError: There is no such segment to attach to.
        ValueError: The segment is empty: its writer has created it and not sized it yet.
        PermissionError: Another user made it, or it is no regular file.
        OSError: It cannot be made; ENOSPC where memory is short. Nothing of it is left then.
    """

    def __init__(self, name: str, size: int = 0) -> None:
        self.name = name
        fd = _open_ours(name, os.O_RDWR | (os.O_CREAT | os.O_EXCL if size else 0))
        try:
            if size:
                fcntl.flock(fd, fcntl.LOCK_EX)  # held as long as the mapping, which keeps the same open file
                os.posix_fallocate(fd, 0, size)  # a page that cannot be backed would end the process with SIGBUS
            self.memory = mmap.mmap(fd, os.fstat(fd).st_size)
        except OSError:
            if size:
                _remove(name)
            raise
        finally:
            os.close(fd)

    @property
    def size(self) -> int:
        """Return the bytes mapped."""
        return len(self.memory)

    def close(self) -> None:
        """Unmap the segment.

        Raises:
            BufferError: An array still refers to it.
        """
        self.memory.close()

    def unlink(self) -> None:
        """Give the pixels back and remove the name. Readers keep their mapping, and every read of it fails from now on."""
        _release(self.memory)
        _remove(self.name)


def name_prefix() -> str:
    """Return how every segment name of this user begins."""
    return f"onlyme-{os.getuid()}-"


def remove_stale() -> list[str]:
    """Remove all stale segments; return their names."""
    names = find_stale()
    for name in names:
        # what cannot be opened, or is empty, is removed all the same
        with contextlib.suppress(OSError, ValueError), contextlib.closing(SharedMemory(name)) as stale:
            if stale.size > PAGE and stale.memory[: len(MAGIC)] == MAGIC:
                _release(stale.memory)
        _remove(name)
    return names


def find_stale() -> list[str]:
    """Return the names of this user's segments whose writer has ended.

    A writer that is killed (SIGKILL) leaves its segment behind. A segment without a header is not stale for the first
    STALE_AFTER_S, because its writer may be between creating and locking it. Files of other users, and names that are no
    regular file, are never stale.
    """
    try:
        names = sorted(path.name for path in Path(SHM_FOLDER).glob(f"{name_prefix()}*"))
    except OSError:  # the process that creates a segment reports what is wrong with the folder
        return []
    return [name for name in names if _is_stale(name)]


def _is_stale(name: str) -> bool:
    try:
        fd = _open_ours(name, os.O_RDONLY)
    except OSError:  # it was removed, is not ours, or cannot be opened now
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
    """Open a segment of this user and return its descriptor.

    Other users may put anything into `/dev/shm`, also under our names: a link is not followed, a pipe not waited for.

    Raises:
        PermissionError: Another user made it, or it is no regular file.
        OSError: It cannot be opened.
    """
    fd = os.open(_path_of(name), flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
        os.close(fd)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return fd


def _release(memory: mmap.mmap) -> None:
    """Give the pixels of a ring back to the system.

    Memory that readers have mapped is not freed when the name is removed, so a new ring could find no room in a small
    `/dev/shm` until all of them let the old one go. The cursor tells them first: reading a page that was given back would
    take a new one. A reader in the middle of a copy takes zeros and then drops them, because the cursor has changed; where
    `/dev/shm` has no page left by then, the kernel ends it (SIGBUS), and its parent starts it again.
    """
    struct.pack_into("q", memory, CURSOR_OFFSET, RELEASED)
    with contextlib.suppress(OSError):  # not on every file system; memory is then freed with the last mapping
        memory.madvise(mmap.MADV_REMOVE, PAGE, len(memory) - PAGE)


def _path_of(name: str) -> Path:
    return Path(SHM_FOLDER, name)


def _remove(name: str) -> None:
    _path_of(name).unlink(missing_ok=True)
