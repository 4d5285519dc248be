"""How much shared memory rings take, how much there is, and what a user can do where it is too little."""

from __future__ import annotations

import errno
import shutil

from common.ipc.shm import PAGE, SHM_FOLDER
from common.ipc.streams import IPC_STREAMS

MIB = 2**20


def slot_bytes(shape: tuple[int, int, int]) -> int:
    """Return the bytes of one slot of `shape` (H, W, C) uint8, rounded up to whole pages."""
    return -(-shape[0] * shape[1] * shape[2] // PAGE) * PAGE


def ring_bytes(shape: tuple[int, int, int], capacity: int) -> int:
    """Return the bytes of shared memory that a ring takes."""
    return PAGE + capacity * slot_bytes(shape)


def call_bytes(shape: tuple[int, int, int]) -> int:
    """Return the bytes of shared memory that the rings of a call take, for frames of `shape` (H, W, C) uint8."""
    return sum(ring_bytes(shape, stream.slots) for stream in IPC_STREAMS if stream.slots)


def how_to_enlarge(shape: tuple[int, int, int]) -> str:
    """Return what a user can do so that the rings of a call fit, for frames of `shape` (H, W, C) uint8.

    Raises:
        OSError: There is no shared memory.
    """
    usage = shutil.disk_usage(SHM_FOLDER)
    needed = -(-(usage.total - usage.free + call_bytes(shape)) // MIB)
    return (
        f"ask for a smaller picture (--width, --height), or give {SHM_FOLDER} {needed} MiB: docker run --shm-size={needed}m, "
        f"or mount -o remount,size={needed}M {SHM_FOLDER}"
    )


def why_no_ring(stream: str, shape: tuple[int, int, int], size: int, error: OSError) -> str:
    """Return why a ring cannot be made, and what the user can do about it."""
    if error.errno != errno.ENOSPC:
        return (
            f"shared memory: expected a folder {SHM_FOLDER} that can be written, for the {stream} ring, got: {error.strerror}; "
            f"mount a tmpfs there that you may write to"
        )
    return (
        f"shared memory is too small for the {stream} ring: expected {size / MIB:.1f} MiB free in {SHM_FOLDER}, "
        f"got {shutil.disk_usage(SHM_FOLDER).free / MIB:.1f} MiB; {how_to_enlarge(shape)}"
    )
