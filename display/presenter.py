"""What stands on a sink, and when it must go."""

from __future__ import annotations

import time

import numpy as np

from common.ipc.messages import INSTANCES, FrameComposed
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from display.captions import write_caption
from display.composite_reader import Pictures
from display.meter import Meter
from display.sinks.factory import Sink


class Shown:
    """Puts composites on a sink, and takes the last one away when nothing comes.

    Args:
        sink: Where to.
        pictures: Where from; it says how long its silence is borne.
    """

    def __init__(self, sink: Sink, pictures: Pictures) -> None:
        self._sink, self._pictures = sink, pictures
        self._last: tuple[FrameComposed, BgrImage] | None = None
        self._last_at = time.monotonic()
        self._is_stale = False
        self.meter = Meter()
        self.epoch = 0  # of the stream whose picture came last, 0 before the first
        self.first_at: float | None = None

    def put(self, message: FrameComposed, picture: BgrImage) -> None:
        """A composite (H, W, 3) uint8 BGR has come."""
        now_ns = time.monotonic_ns()
        self.epoch = message.frame.epoch
        self.meter.add(message, now_ns)
        metrics.count("shown")
        metrics.set("missed", self.meter.missed)
        metrics.observe("latency_seconds", (now_ns - message.frame.captured_ns) / 1e9)
        now = time.monotonic()
        self.first_at = self.first_at or now
        self._last_at, self._is_stale = now, False
        if message.state == INSTANCES and not self._sink.local:
            self._last = None
            self._sink.blank("the instance view is not shown here")
            return
        # whoever shows it may draw on it
        self._last = (message, picture.copy()) if self._pictures.stale_after_s is not None else None
        self._sink.show(picture, message, self.meter)

    def lose(self, why: str) -> None:
        """What stands there counts no more, for a reason that is said: at once nothing is shown."""
        self._last = None
        self._sink.blank(why)

    def look(self) -> None:
        """Nothing may have come for too long."""
        silent_s = time.monotonic() - self._last_at
        stale_s = self._pictures.stale_after_s
        if silent_s > self._pictures.blank_after_s:
            self._last, self._last_at = None, time.monotonic()
            self._sink.blank(self._pictures.silent)
        elif self._last is not None and not self._is_stale and stale_s is not None and silent_s > stale_s:
            self._is_stale = True
            message, picture = self._last
            self._sink.show(marked(picture, "STALE: nothing new comes"), message, self.meter)


def marked(picture: BgrImage, text: str) -> BgrImage:
    """A copy of (H, W, 3) uint8 BGR, half as bright, with a line over it."""
    dim = np.asarray(picture // 2, np.uint8)
    middle = dim[dim.shape[0] // 2 :]
    write_caption(middle, [text])
    return dim
