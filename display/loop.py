"""composites → a sink; the viewer's wishes → control."""

from __future__ import annotations

import logging
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from common.config import DisplaySettings
from common.counters import Counters
from common.errors import RingGoneError
from common.messages import INSTANCES, FrameComposed, ViewSet
from common.process import Stop
from common.ring import RingCache
from common.streams import COMPOSITES, CONTROL, PeerWatch, Socket, connect, open_context, receive
from display.meter import Meter
from display.sinks import open_sink
from display.wishes import Wishes

POLL_MS = 15  # keys and the closing of a window are looked for this often
BLANK_AFTER_S = 0.5  # compose sends something every 100 ms, a card where it has no frame

log = logging.getLogger("onlyme")


def run(settings: DisplaySettings, stop: Stop) -> None:
    """Show composites until told to stop, or the viewer quits, or `--seconds` are over.

    Raises:
        DisplayError: The sink cannot be opened.
    """
    cv2.setNumThreads(1)
    counters, meter = Counters(log), Meter()
    sink = open_sink(settings)
    with open_context() as context:
        composites = Composites(connect(context, COMPOSITES, settings.call_dir), counters)
        wishes = Wishes(connect(context, CONTROL, settings.call_dir), counters)
        first_at: float | None = None
        last_at = time.monotonic()
        while not stop:
            wish = sink.poll()
            if wish.quit:
                break
            wishes.add(*wish.asked)
            wishes.pass_on()
            composites.socket.poll(POLL_MS)
            if composites.compose.is_gone():
                sink.blank("compose has ended: waiting for it")
            now = time.monotonic()
            for message, picture in composites.waiting():
                meter.add(message, time.monotonic_ns())
                if first_at is None and settings.view == INSTANCES:
                    wishes.add(ViewSet(True))
                if message.state == INSTANCES and not sink.local:
                    sink.blank("the instance view is not shown here")
                else:
                    sink.show(picture, message, meter)
                first_at, last_at = first_at or now, now
            if now - last_at > BLANK_AFTER_S:
                last_at = now
                sink.blank("no picture comes: waiting for compose")
            if settings.seconds and first_at is not None and now - first_at >= settings.seconds:
                break
    sink.close()
    log.info(
        "ended after %d pictures, %d missed%s", meter.shown, meter.missed, f"; {counters}" if str(counters) else ""
    )


class Composites:
    """Composites as they come."""

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self.socket = socket
        self.compose = PeerWatch(socket)
        self._counters = counters
        self._ring = RingCache()
        self._buffer: NDArray[np.uint8] | None = None

    def waiting(self) -> list[tuple[FrameComposed, NDArray[np.uint8]]]:
        """Everything that can still be read, oldest first. With one picture waiting, nothing is copied twice."""
        found = []
        for message in receive(self.socket, FrameComposed, self._counters):
            shape = (message.height, message.width, 3)
            try:
                picture = self._ring.read(message.segment, message.sequence, shape, None)
            except RingGoneError as error:
                self._counters.count("composite", "segment gone", str(error))
                continue
            if picture is None:
                self._counters.count("composite", "lapped")
            else:
                found.append((message, picture))
        return found
