"""Reads composites of the call on this machine; a relay on another machine is read in relay_reader.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from common.ipc.messages import FrameComposed
from common.ipc.picture_reader import PictureReader
from common.ipc.streams import PeerWatch, Socket, receive
from common.metrics.counters import Counters
from common.vision.arrays import BgrImage


class CompositeSource(Protocol):
    """Where a display gets its composites from."""

    socket: Socket  # becomes readable when composites come; commands to a relay go through it too
    # without a composite for so long the display shows none; a composite of a slow source stands longer (display/presenter.py)
    blank_after_s: float
    stale_after_s: float | None  # without a composite for so long the last one is marked; None: it is not marked
    gone_text: str  # shown when the sender is gone
    silent_text: str  # shown when nothing comes

    def is_gone(self) -> bool:
        """Return True once for every time that the sender went away since the last call."""

    def receive(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        """Yield what has come since the last call, oldest first.

        Yields:
            The message, and its pixels (H, W, 3) uint8 BGR. The pixels belong to the caller until it asks for the next.
        """


class CompositeReader:
    """Reads the composites of the call on this machine."""

    blank_after_s = 0.5  # compose sends a card every 200 ms where it has no frame
    stale_after_s: float | None = None
    gone_text = "the filter has stopped: waiting for it to start again"
    silent_text = "no picture comes from the filter: waiting for one"

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self.socket = socket
        self._compose = PeerWatch(socket)
        self._counters = counters
        self._pictures = PictureReader("composite", counters)

    def is_gone(self) -> bool:
        """See CompositeSource."""
        return self._compose.is_gone()

    def latest(self) -> FrameComposed | None:
        """Return the newest message since the last call, None without one. `read` returns its pixels, if they are still there."""
        messages = receive(self.socket, FrameComposed, self._counters)
        return messages[-1] if messages else None

    def receive(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        """See CompositeSource. Leaves out composites whose pixels were overwritten."""
        for message in receive(self.socket, FrameComposed, self._counters):
            if (picture := self.read(message)) is not None:
                yield message, picture

    def read(self, message: FrameComposed) -> BgrImage | None:
        """Return the pixels of a composite.

        Returns:
            (H, W, 3) uint8 BGR, which the caller may change until the next call; None, and counted, if they were overwritten or
            their ring is gone.
        """
        return self._pictures.read(message.frame)
