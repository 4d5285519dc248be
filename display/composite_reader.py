"""Composites as they come: of the call on this machine, or of a relay elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from common.errors import RingGoneError
from common.ipc.messages import FrameComposed
from common.ipc.ring import RingCache
from common.ipc.streams import PeerWatch, Socket, receive
from common.metrics.counters import Counters
from common.vision.arrays import BgrImage


class Pictures(Protocol):
    """Somewhere composites come from."""

    socket: Socket  # to wait at, and to send wishes by where nobody else does
    blank_after_s: float  # of silence
    stale_after_s: float | None  # of silence, from which on the last picture is marked
    gone: str  # what is said when whoever sends is gone, and
    silent: str  # when nothing comes

    def is_gone(self) -> bool:
        """True once for every time whoever sends went away since the last call."""

    def waiting(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        """What has come, oldest first, with pixels (H, W, 3) uint8 BGR, the caller's own until it asks for the next."""


class Composites:
    """Composites of the call on this machine."""

    blank_after_s = 0.5  # compose sends something every 100 ms, a card where it has no frame
    stale_after_s: float | None = None
    gone = "compose has ended: waiting for it"
    silent = "no picture comes: waiting for compose"

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self.socket = socket
        self._compose = PeerWatch(socket)
        self._counters = counters
        self._ring = RingCache()
        self._buffer: BgrImage | None = None

    def is_gone(self) -> bool:
        """See Pictures."""
        return self._compose.is_gone()

    def newest(self) -> FrameComposed | None:
        """The newest since the last call; whether its pixels can still be read, `read` says."""
        messages = receive(self.socket, FrameComposed, self._counters)
        return messages[-1] if messages else None

    def waiting(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        """See Pictures; what cannot be read any more is left out."""
        for message in receive(self.socket, FrameComposed, self._counters):
            if (picture := self.read(message)) is not None:
                yield message, picture

    def read(self, message: FrameComposed) -> BgrImage | None:
        """Pixels (H, W, 3) uint8 BGR, the caller's own until the next call; None, counted, where they are gone."""
        frame = message.frame
        try:
            picture = self._ring.read(frame.segment, frame.sequence, frame.shape, self._buffer)
        except RingGoneError as error:
            self._counters.count("composite", "segment gone", str(error))
            return None
        if picture is None:
            self._counters.count("composite", "lapped")
            return None
        self._buffer = picture
        return picture
