"""Tells a parent that its child's loop still turns, and what else it must know of the child."""

from __future__ import annotations

import mmap
import struct

# time of the last beat (CLOCK_MONOTONIC, s; 0 before the first), log level, whether no other child may follow
_LAYOUT = struct.Struct("<di?")


class Heartbeat:
    """A page of anonymous memory that parent and child share: the parent makes it before the fork, the child writes to it.

    Args:
        log_level: Level of the parent's log, until the child has read its settings.
    """

    def __init__(self, log_level: int) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.log_level = log_level

    def beat(self, now: float) -> None:
        """Record that the loop turns at `now` (monotonic seconds)."""
        _LAYOUT.pack_into(self._page, 0, now, self.log_level, self.is_last)

    def age_s(self, now: float) -> float | None:
        """Return the seconds since the last beat, or None before the first."""
        last = _LAYOUT.unpack_from(self._page, 0)[0]
        return now - last if last else None

    @property
    def log_level(self) -> int:
        """Level of the stage's log, as in `logging`."""
        return int(_LAYOUT.unpack_from(self._page, 0)[1])

    @log_level.setter
    def log_level(self, level: int) -> None:
        last, _, is_last = _LAYOUT.unpack_from(self._page, 0)
        _LAYOUT.pack_into(self._page, 0, last, level, is_last)

    @property
    def is_last(self) -> bool:
        """Whether the stage ends with this child, however that ends."""
        return bool(_LAYOUT.unpack_from(self._page, 0)[2])

    def forbid_restart(self) -> None:
        """Have the stage end with this child."""
        last, level, _ = _LAYOUT.unpack_from(self._page, 0)
        _LAYOUT.pack_into(self._page, 0, last, level, True)
