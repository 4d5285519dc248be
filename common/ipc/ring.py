"""Frames in shared memory: one writer, many readers, nobody waits.

Words: *capacity* slots of one *geometry*; *sequence* numbers frames from 0; the *cursor* is the last published
sequence (-1: none yet); slot = sequence % capacity. A reader that comes too late has been *lapped*.

Write:  1. claim    the slot of cursor + 1 belongs to the writer from now on (it held cursor + 1 - capacity)
        2. fill     in place: the slot is handed out as an array, so nothing is copied twice
        3. publish  cursor += 1, one aligned 8-byte store, after the pixels
Read:   1. copy the slot of the wanted sequence, or reduce it into an array of one's own
        2. load the cursor; while it was copied the writer may have filled the slot of cursor + 1, so the copy is
           whole if and only if cursor - sequence < capacity - 1. Otherwise the reader was lapped: `None`.

That this is so rests on the processor: x86-64 shows stores to others in the order they were made, and loads in theirs
(TSO). Elsewhere the cursor may be seen before the pixels, and only a memory fence on both sides would help. Python offers
none: a lock taken and released orders what stands inside it, but lets the pixels sink into it from above and the cursor
rise into it from below, in any order there. So a ring refuses other processors. A copy of 720p takes 0.1 ms, so no reader
is lent a slot.

The segment's layout stands in common/ipc/shm.py.
"""

from __future__ import annotations

import errno
import os
import time
from types import TracebackType
from typing import Self

import numpy as np

from common.errors import ProcessorError, RingGoneError, RingSpaceError
from common.ipc.shm import HEADER, MAGIC, SHM_FOLDER, Segment, name_prefix
from common.vision.arrays import BgrImage
from common.vision.pyramid import Halves

LAYOUT_VERSION = 2
CURSOR_OFFSET = 64
PAGE = 4096
ORDERED = "x86_64"
RETRY_ATTACH_S = 0.2


def check_processor(machine: str) -> None:
    """Refuse a processor, by its name as uname(2) gives it, on which a reader could take half a frame for a whole one.

    Raises:
        ProcessorError: It is none that keeps the order of stores.
    """
    if machine != ORDERED:
        raise ProcessorError(
            f"processor: expected {ORDERED}, which keeps the order of stores that the rings in shared memory rest on, "
            f"got {machine}; run the call on such a machine, and watch it from here through a relay (--connect)"
        )


def new_epoch() -> int:
    """A random number that tells one incarnation of a writer from every other, 1 .. 2**63 - 1."""
    return (int.from_bytes(os.urandom(8)) >> 2) + 1


def slot_bytes(shape: tuple[int, int, int]) -> int:
    """Bytes of one slot of `shape` (H, W, C) uint8, rounded up to whole pages."""
    return -(-shape[0] * shape[1] * shape[2] // PAGE) * PAGE


class _Closing:
    """Closes itself at the end of a `with`."""

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Mapped(_Closing):
    """What writer and reader share: the mapping, and the two live words of its header."""

    def __init__(self, segment: Segment, capacity: int, shape: tuple[int, int, int], epoch: int) -> None:
        self._segment = segment
        memory = segment.memory
        self.name = segment.name
        self.capacity = capacity
        self.shape = shape
        self.epoch = epoch
        # frombuffer holds the mapping: an access after close() raises instead of ending in a segmentation fault
        self._words = np.frombuffer(memory, np.int64, 2, CURSOR_OFFSET)
        count = shape[0] * shape[1] * shape[2]
        self._slots = [
            np.frombuffer(memory, np.uint8, count, PAGE + i * slot_bytes(shape)).reshape(shape) for i in range(capacity)
        ]

    @property
    def cursor(self) -> int:
        """Sequence published last, -1 if none."""
        return int(self._words[0])

    def close(self) -> None:
        """Let go of the mapping. Arrays handed out by `claim` must not be used afterwards."""
        self._slots.clear()
        self._words = np.full(2, -1, np.int64)
        self._segment.close()


class RingWriter(_Mapped):
    """The only writer of a ring it creates.

    Args:
        stream: Name of the stream, part of the segment's name.
        shape: (H, W, C) of every frame, uint8.
        capacity: Number of slots, at least 3.
        epoch: Written into the header; never used twice, so that a segment name is never used twice either.

    Raises:
        RingSpaceError: Shared memory has too little room. Writing to a page that cannot be backed would end the
            process with SIGBUS, so all pages are reserved here.
    """

    def __init__(self, stream: str, shape: tuple[int, int, int], capacity: int, epoch: int) -> None:
        if capacity < 3:
            raise ValueError(f"ring {stream}: expected a capacity of at least 3 slots, got {capacity}")
        size = ring_bytes(shape, capacity)
        if (free := _free_bytes()) < size:
            raise _no_space(stream, size, free)
        try:
            segment = Segment(f"{name_prefix()}{stream}-{epoch:016x}", size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise _no_space(stream, size, _free_bytes()) from None
        HEADER.pack_into(segment.memory, 0, bytes(8), LAYOUT_VERSION, capacity, *shape, epoch)
        super().__init__(segment, capacity, shape, epoch)
        self._words[0] = -1
        self.beat()
        segment.memory[:8] = MAGIC  # last: a reader that sees the magic sees the whole header

    def claim(self) -> BgrImage:
        """(H, W, C) uint8 slot of the next sequence, to be filled in place before `publish`."""
        return self._slots[(self.cursor + 1) % self.capacity]

    def publish(self) -> int:
        """Make the claimed slot visible; returns its sequence."""
        self.beat()
        sequence = self.cursor + 1
        self._words[0] = sequence
        return sequence

    def beat(self) -> None:
        """Tell readers that the writer is alive though it may have nothing to publish."""
        self._words[1] = time.monotonic_ns()

    def close(self) -> None:
        """Let go of the mapping and remove the segment; readers that hold it keep their mapping."""
        super().close()
        self._segment.unlink()


class ShapedRing(_Closing):
    """A stream's ring of the present picture size; another size begins a new ring under a new epoch.

    Raises:
        ProcessorError: See check_processor.
    """

    def __init__(self, stream: str, capacity: int) -> None:
        check_processor(os.uname().machine)
        self._stream, self._capacity = stream, capacity
        self._ring: RingWriter | None = None

    def of(self, height: int, width: int) -> RingWriter:
        """The ring for pictures (height, width, 3).

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
        """(H, W, 3) of the present ring, None if there is none."""
        return None if self._ring is None else self._ring.shape

    def close(self) -> None:
        """Remove the ring."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None


class RingReader(_Mapped):
    """One of many readers.

    Raises:
        RingGoneError: No such segment, or not a ring of this layout.
    """

    def __init__(self, name: str) -> None:
        if not name.startswith(name_prefix()) or "/" in name:
            raise RingGoneError(f"segment {name!r}: expected a name that starts with {name_prefix()!r}")
        segment, fields = _attach(name)
        _, version, capacity, height, width, channels, epoch = fields
        shape = (height, width, channels)
        expected = ring_bytes(shape, capacity)
        if version != LAYOUT_VERSION or capacity < 3 or segment.size < expected:
            segment.close()
            raise RingGoneError(
                f"segment {name}: expected layout {LAYOUT_VERSION} and {expected} bytes, "
                f"got layout {version} and {segment.size} bytes"
            )
        super().__init__(segment, capacity, shape, epoch)

    def read(self, sequence: int, into: BgrImage) -> bool:
        """Copy frame `sequence` into `into` (H, W, C) uint8.

        Returns:
            True if the copy is whole; False if it is not there yet or this reader was lapped: `into` is then garbage.
        """
        if not 0 <= sequence <= self.cursor:
            return False
        np.copyto(into, self._slots[sequence % self.capacity])
        return self._is_whole(sequence)

    def read_reduced(self, sequence: int, least_wh: tuple[float, float]) -> BgrImage | None:
        """The smallest half of frame `sequence` that is at least so large, see Halves: (h, w, C) uint8 of its own.

        It is made where the frame lies, without a copy of all of it.

        Returns:
            None where the frame is not there yet or this reader was lapped.
        """
        if not 0 <= sequence <= self.cursor:
            return None
        slot = self._slots[sequence % self.capacity]
        reduced = Halves(slot).at_least(*least_wh)
        reduced = reduced.copy() if reduced is slot else reduced
        return reduced if self._is_whole(sequence) else None

    def _is_whole(self, sequence: int) -> bool:
        """Whether what was read of a frame until now is."""
        return self.cursor - sequence < self.capacity - 1

    @property
    def heartbeat_age_ms(self) -> float:
        """Time since the writer last published or beat."""
        return (time.monotonic_ns() - int(self._words[1])) / 1e6


class RingCache:
    """The one ring a reader currently follows, attached anew when a message names another segment.

    A restarted writer has a new epoch and so a new name; the old mapping is let go at once, so no picture of an
    orphaned segment is ever taken for a live one.

    Raises:
        ProcessorError: See check_processor.
    """

    def __init__(self) -> None:
        check_processor(os.uname().machine)
        self._reader: RingReader | None = None

    def read(self, name: str, sequence: int, shape: tuple[int, int, int], into: BgrImage | None) -> BgrImage | None:
        """Frame `sequence` of segment `name`, in `into` if that has the right shape, else in a new array.

        Returns:
            (H, W, C) uint8 BGR owned by the caller, or None if it was lapped.

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
        """The same, as `RingReader.read_reduced` makes it: for who looks at no more of a frame than that."""
        return self._attached(name, shape).read_reduced(sequence, least_wh)

    def _attached(self, name: str, shape: tuple[int, int, int]) -> RingReader:
        if self._reader is None or self._reader.name != name:
            self.close()
            self._reader = RingReader(name)
        if self._reader.shape != shape:
            raise RingGoneError(f"segment {name}: expected frames of {shape}, got {self._reader.shape}")
        return self._reader

    def close(self) -> None:
        """Let go of the current ring."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def ring_bytes(shape: tuple[int, int, int], capacity: int) -> int:
    """Bytes of shared memory that a ring takes."""
    return PAGE + capacity * slot_bytes(shape)


def _attach(name: str) -> tuple[Segment, tuple[bytes, int, int, int, int, int, int]]:
    """The segment and its header; waits a moment for a writer between creating and filling it."""
    deadline = time.monotonic() + RETRY_ATTACH_S
    while True:
        try:
            segment = Segment(name)
        except FileNotFoundError:
            raise RingGoneError(f"segment {name} is gone: its writer ended or was restarted") from None
        except OSError as error:  # no descriptor is left: another message may find one
            raise RingGoneError(f"segment {name} cannot be attached ({error.strerror})") from None
        except ValueError:  # created but not yet of its size: an empty file cannot be mapped
            segment = None
        if segment is not None:
            if segment.size >= PAGE and bytes(segment.memory[:8]) == MAGIC:
                return segment, HEADER.unpack_from(segment.memory, 0)
            segment.close()
        if time.monotonic() > deadline:
            raise RingGoneError(f"segment {name} holds no ring of ours")
        time.sleep(0.005)


def _free_bytes() -> int:
    status = os.statvfs(SHM_FOLDER)
    return status.f_bavail * status.f_frsize


def _no_space(stream: str, size: int, free: int) -> RingSpaceError:
    return RingSpaceError(
        f"shared memory is too small for the {stream} ring: expected {size / 2**20:.1f} MiB free in {SHM_FOLDER}, "
        f"got {free / 2**20:.1f} MiB; ask for a smaller picture (--width, --height), remove leftovers, or enlarge it "
        f"(mount -o remount,size=256M {SHM_FOLDER}; docker run --shm-size=256m)"
    )
