"""What a child tells its parent while it works."""

from __future__ import annotations

import mmap
import struct

_WORDS = struct.Struct("<di")  # when the loop last turned (CLOCK_MONOTONIC s), least level of what is logged


class Pulse:
    """A page of anonymous memory, made before the fork and shared since.

    Args:
        log_level: The parent's, until the child has read its settings.
    """

    def __init__(self, log_level: int) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.log_level = log_level

    def beat(self, now: float) -> None:
        """The loop turns, at `now` (monotonic s)."""
        _WORDS.pack_into(self._page, 0, now, self.log_level)

    def silence_s(self, now: float) -> float | None:
        """Seconds since the loop last turned, None before its first turn."""
        last, _ = _WORDS.unpack_from(self._page, 0)
        return now - last if last else None

    @property
    def log_level(self) -> int:
        """Least level of what is logged."""
        return int(_WORDS.unpack_from(self._page, 0)[1])

    @log_level.setter
    def log_level(self, level: int) -> None:
        last, _ = _WORDS.unpack_from(self._page, 0)
        _WORDS.pack_into(self._page, 0, last, level)
