"""Frames in shared memory: one writer, many readers, nobody waits.

Terms: a ring has *capacity* slots of one *shape*; *sequence* numbers frames from 0; the *cursor* is the sequence published
last (-1: none yet); slot = sequence % capacity. A reader is *lapped* when the writer may have overwritten the slot that it
reads.

Write:  1. claim    the slot of cursor + 1 belongs to the writer from now on (it held cursor + 1 - capacity)
        2. fill     in place: the caller gets the slot as an array, so nothing is copied twice
        3. publish  cursor += 1, one aligned 8-byte store, after the pixels
Read:   1. copy the slot of the wanted sequence, or reduce it into an array of one's own
        2. load the cursor; during the copy the writer may have filled the slot of cursor + 1, so the copy is
           whole if and only if cursor - sequence < capacity - 1. Otherwise the reader was lapped: `None`.

This relies on the order of memory accesses: x86-64 makes stores visible in program order, and executes loads in program
order (TSO). On other processors a reader may see the cursor before the pixels, and only a memory fence on both sides would
prevent that. Python offers none: taking and releasing a lock orders the accesses inside it, but accesses before and after may
move into it and change places there. A ring therefore refuses other processors. A reader always copies, since a copy of
720p takes 0.1 ms.

common/ipc/shm.py describes the layout of the segment.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from types import TracebackType
from typing import Self

import numpy as np

from common.errors import ProcessorError, RingGoneError, RingSpaceError
from common.ipc.ring_size import ring_bytes, slot_bytes, why_no_ring
from common.ipc.shm import CURSOR_OFFSET, HEADER, MAGIC, PAGE, RELEASED, SHM_FOLDER, SharedMemory, name_prefix
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid

SUPPORTED_MACHINE = "x86_64"
RETRY_ATTACH_S = 0.2


def check_processor(machine: str) -> None:
    """Refuse a processor, named as uname(2) names it, on which a reader could take a torn frame for a whole one.

    Raises:
        ProcessorError: The processor does not keep the order of stores.
    """
    if machine != SUPPORTED_MACHINE:
        raise ProcessorError(
            f"processor: expected {SUPPORTED_MACHINE}, which keeps the order of stores that the rings in shared memory rest on, "
            f"got {machine}; run the call on such a machine, and watch it from here through a relay (--connect)"
        )


def new_epoch() -> int:
    """Return a random number that tells one life of a writer from every other, 1 .. 2**62."""
    return (int.from_bytes(os.urandom(8)) >> 2) + 1


class _Closing:
    """Closes itself at the end of a `with` block."""

    def close(self) -> None:
        """Release the resource."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Mapped(_Closing):
    """Holds what writer and reader share: the mapping, and the cursor in its header."""

    def __init__(self, segment: SharedMemory, capacity: int, shape: tuple[int, int, int], epoch: int) -> None:
        self._segment = segment
        memory = segment.memory
        self.name = segment.name
        self.capacity = capacity
        self.shape = shape
        self.epoch = epoch
        # frombuffer keeps the mapping alive: an access after close() raises instead of ending in a segmentation fault
        self._cursor = np.frombuffer(memory, np.int64, 1, CURSOR_OFFSET)
        count = shape[0] * shape[1] * shape[2]
        self._slots = [
            np.frombuffer(memory, np.uint8, count, PAGE + i * slot_bytes(shape)).reshape(shape) for i in range(capacity)
        ]

    @property
    def cursor(self) -> int:
        """Return the sequence published last, -1 if none."""
        return int(self._cursor[0])

    def close(self) -> None:
        """Unmap the ring. Arrays that `claim` returned must not be used afterwards."""
        self._slots.clear()
        self._cursor = np.full(1, -1, np.int64)
        self._segment.close()


class RingWriter(_Mapped):
    """Creates a ring and is its only writer.

    Args:
        stream: Name of the stream, a part of the segment's name.
        shape: (H, W, C) of every frame, uint8.
        capacity: Number of slots, at least 3.
        epoch: Written into the header; it is never used twice, so no segment name is used twice either.

    Raises:
        RingSpaceError: Shared memory has too little room, or cannot be written. Writing to a page that cannot be backed would
            end the process with SIGBUS, so all pages are reserved here.
    """

    def __init__(self, stream: str, shape: tuple[int, int, int], capacity: int, epoch: int) -> None:
        if capacity < 3:
            raise ValueError(f"ring {stream}: expected a capacity of at least 3 slots, got {capacity}")
        size = ring_bytes(shape, capacity)
        try:
            if shutil.disk_usage(SHM_FOLDER).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            segment = SharedMemory(f"{name_prefix()}{stream}-{epoch:016x}", size)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            raise RingSpaceError(why_no_ring(stream, shape, size, error)) from None
        HEADER.pack_into(segment.memory, 0, bytes(8), capacity, *shape, epoch)
        super().__init__(segment, capacity, shape, epoch)
        self._cursor[0] = -1
        segment.memory[:8] = MAGIC  # last: a reader that sees the magic sees the whole header

    def claim(self) -> BgrImage:
        """Return the slot of the next sequence, (H, W, C) uint8, to be filled in place; the same one until `publish`."""
        return self._slots[(self.cursor + 1) % self.capacity]

    def publish(self) -> int:
        """Make the claimed slot visible; return its sequence."""
        sequence = self.cursor + 1
        self._cursor[0] = sequence
        return sequence

    def close(self) -> None:
        """Remove the segment, give its pixels back and unmap it; a reader finds every frame overwritten."""
        self._segment.unlink()
        super().close()


class ResizableRing(_Closing):
    """Holds a stream's ring; a picture of another size begins a new ring under a new epoch.

    Raises:
        ProcessorError: See check_processor.
    """

    def __init__(self, stream: str, capacity: int) -> None:
        check_processor(os.uname().machine)
        self._stream, self._capacity = stream, capacity
        self._ring: RingWriter | None = None

    def ring_for(self, height: int, width: int) -> RingWriter:
        """Return the ring for pictures (height, width, 3) uint8.

        Raises:
            RingSpaceError: Shared memory has too little room for it.
        """
        shape = (height, width, 3)
        if self._ring is None or self._ring.shape != shape:
            self.close()
            self._ring = RingWriter(self._stream, shape, self._capacity, new_epoch())
        return self._ring

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Return (H, W, 3) of the present ring, None if there is none."""
        return None if self._ring is None else self._ring.shape

    def close(self) -> None:
        """Remove the ring."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None


class RingReader(_Mapped):
    """Reads a ring; any number of readers may.

    Raises:
        RingGoneError: There is no such segment, or it is no ring of this layout.
    """

    def __init__(self, name: str) -> None:
        if not name.startswith(name_prefix()) or "/" in name:
            raise RingGoneError(f"segment {name!r}: expected a name that starts with {name_prefix()!r}")
        segment, fields = _attach(name)
        _, capacity, height, width, channels, epoch = fields
        shape = (height, width, channels)
        expected = ring_bytes(shape, capacity)
        if capacity < 3 or segment.size < expected:
            segment.close()
            raise RingGoneError(
                f"segment {name}: expected {expected} bytes for {capacity} slots, 3 at least, got {segment.size} bytes"
            )
        super().__init__(segment, capacity, shape, epoch)

    def read(self, sequence: int, into: BgrImage) -> bool:
        """Copy frame `sequence` into `into` (H, W, C) uint8.

        Returns:
            True if the copy is whole; False if the frame is not there yet or the reader was lapped: `into` is then garbage.
        """
        if not 0 <= sequence <= self.cursor < RELEASED:
            return False
        np.copyto(into, self._slots[sequence % self.capacity])
        return self._is_whole(sequence)

    def read_reduced(self, sequence: int, least_wh: tuple[float, float]) -> BgrImage | None:
        """Return the smallest pyramid level of frame `sequence` that is at least `least_wh` (width, height): a new (h, w, C) uint8.

        The frame is reduced in shared memory, without a copy of the whole frame.

        Returns:
            (h, w, C) uint8 owned by the caller; None where the frame is not there yet or the reader was lapped.
        """
        if not 0 <= sequence <= self.cursor < RELEASED:
            return None
        slot = self._slots[sequence % self.capacity]
        reduced = ImagePyramid(slot).smallest_at_least(*least_wh)
        reduced = reduced.copy() if reduced is slot else reduced
        return reduced if self._is_whole(sequence) else None

    def _is_whole(self, sequence: int) -> bool:
        """Return whether a frame that has been copied until now was copied before the writer overwrote it."""
        return self.cursor - sequence < self.capacity - 1


class RingCache:
    """Reads the ring of the segment that a message names, and stays attached to it until a message names another.

    A restarted writer has a new epoch and therefore a new segment name. The old segment is unmapped at once, so no picture of
    an orphaned segment is taken for a live one.

    Raises:
        ProcessorError: See check_processor.
    """

    def __init__(self) -> None:
        check_processor(os.uname().machine)
        self._reader: RingReader | None = None

    def read(self, name: str, sequence: int, shape: tuple[int, int, int], into: BgrImage | None) -> BgrImage | None:
        """Copy frame `sequence` of segment `name` into `into` if that has the right shape, else into a new array.

        Returns:
            (H, W, C) uint8 BGR owned by the caller, or None if the reader was lapped.

        Raises:
            RingGoneError: The segment is gone or has another geometry than `shape`.
        """
        reader = self._attached(name, shape)
        if into is None or into.shape != shape:
            into = np.empty(shape, np.uint8)
        return into if reader.read(sequence, into) else None

    def read_reduced(
        self, name: str, sequence: int, shape: tuple[int, int, int], least_wh: tuple[float, float]
    ) -> BgrImage | None:
        """Return frame `sequence` of segment `name` reduced, see `RingReader.read_reduced`.

        Raises:
            RingGoneError: See `read`.
        """
        return self._attached(name, shape).read_reduced(sequence, least_wh)

    def _attached(self, name: str, shape: tuple[int, int, int]) -> RingReader:
        if self._reader is None or self._reader.name != name:
            self.close()
            self._reader = RingReader(name)
        if self._reader.shape != shape:
            raise RingGoneError(f"segment {name}: expected frames of {shape}, got {self._reader.shape}")
        return self._reader

    def close(self) -> None:
        """Unmap the present ring."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _attach(name: str) -> tuple[SharedMemory, tuple[bytes, int, int, int, int, int]]:
    """Attach to a segment; return it and its header. Wait a moment for a writer that has created it and not filled it yet."""
    deadline = time.monotonic() + RETRY_ATTACH_S
    while True:
        try:
            segment = SharedMemory(name)
        except FileNotFoundError:
            raise RingGoneError(f"segment {name} is gone: its writer ended or was restarted") from None
        except OSError as error:  # such as no descriptor left: the next message may find one
            raise RingGoneError(f"segment {name} cannot be attached ({error.strerror})") from None
        except ValueError:  # created and not sized yet: an empty file cannot be mapped
            segment = None
        if segment is not None:
            if segment.size >= PAGE and bytes(segment.memory[:8]) == MAGIC:
                return segment, HEADER.unpack_from(segment.memory, 0)
            segment.close()
        if time.monotonic() > deadline:
            raise RingGoneError(f"segment {name} holds no ring of ours")
        time.sleep(0.005)
