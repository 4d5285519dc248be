"""What lies in shared memory: names, the header's layout, and what nobody writes any more. Loads no library.

Segment layout, little-endian, one page of header and then the slots, each on a page boundary:
    0  magic 8s | 8 version u32 | 12 capacity u32 | 16 height u32 | 20 width u32 | 24 channels u32 | 28 writer_pid u32
   32  writer_start u64 (clock ticks after boot, /proc/PID/stat) | 40 epoch u64
   64  cursor i64 | 72 heartbeat_ns i64 (CLOCK_MONOTONIC)
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

from common.identity import is_running

MAGIC = b"onlyme\0\1"
HEADER = struct.Struct("<8sIIIIIIQQ")
SHM_FOLDER = Path("/dev/shm")
ABANDONED_AFTER_S = 10.0


def name_prefix() -> str:
    """Start of every segment name of this user."""
    return f"onlyme-{os.getuid()}-"


def sweep() -> list[str]:
    """Remove what `abandoned` finds; returns the names."""
    names = abandoned()
    for name in names:
        (SHM_FOLDER / name).unlink(missing_ok=True)
    return names


def abandoned() -> list[str]:
    """Names of this user's segments whose writer (pid *and* start time) is gone.

    SIGKILL leaves segments behind. A segment without a header yet is left alone for `ABANDONED_AFTER_S`: its writer
    may be between creating and filling it.
    """
    found = []
    for path in sorted(SHM_FOLDER.glob(f"{name_prefix()}*")):
        try:
            with path.open("rb") as file:
                head = file.read(HEADER.size)
            age_s = time.time() - path.stat().st_mtime
        except OSError:
            continue
        if len(head) == HEADER.size and head[:8] == MAGIC:
            _, _, _, _, _, _, pid, start, _ = HEADER.unpack(head)
            is_left = not is_running(pid, start)
        else:
            is_left = age_s > ABANDONED_AFTER_S
        if is_left:
            found.append(path.name)
    return found
