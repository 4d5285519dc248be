"""Publishes the composites of a recording, no further ahead than the display wants them."""

from __future__ import annotations

from pathlib import Path

from common.ipc.credit import CreditedSender
from common.ipc.messages import FrameComposed, RecordingEnded
from common.ipc.streams import COMPOSITES, COMPOSITES_WANTED, Context, bind
from common.metrics.counters import Counters
from compose.composites import CompositePublisher


class RecordedComposites(CompositePublisher):
    """A publisher that loses no composite.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
        counters: Count malformed messages.
    """

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        super().__init__(context, run_dir)
        wanted = bind(context, COMPOSITES_WANTED, run_dir)
        self._out = CreditedSender(self._socket, wanted, COMPOSITES.slots, counters)
        self.wanted_socket = wanted
        self.count = 0  # of the composites published
        self.has_ended = False

    @property
    def has_room(self) -> bool:
        """Whether the display wants another composite."""
        return self._out.has_room

    def serve(self) -> None:
        """Send again what the display lacks. Call it at every turn."""
        self._out.serve()

    def end(self) -> None:
        """Publish that no other composite comes."""
        self._out.send(RecordingEnded(self.count))
        self.has_ended = True

    def _send(self, message: FrameComposed) -> None:
        self._out.send(message)
        self.count += 1
