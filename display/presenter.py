"""Shows composites on a sink, and blanks the sink when no composite comes.

A composite of a slow source stands until the next one is due: the bounds of the source of composites are then as many periods as
those of compose (compose/policy.py).
"""

from __future__ import annotations

import time

import numpy as np

from common.ipc.messages import INSTANCES, FrameComposed
from common.ipc.source_period import SourcePeriod
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from display.captions import write_caption
from display.composite_reader import CompositeSource
from display.meter import Meter
from display.sinks.sink import Sink

STALE_PERIODS = 2  # a composite is marked before it is blanked


class Presenter:
    """Shows composites on a sink. Marks the last one as stale, and then blanks the sink, when no other comes.

    Args:
        sink: Shows the composites.
        source: Where composites come from; its attributes say after which silence to mark and to blank.
    """

    def __init__(self, sink: Sink, source: CompositeSource) -> None:
        self._sink, self._source = sink, source
        self._last: tuple[FrameComposed, BgrImage] | None = None
        self._last_at = time.monotonic()
        self._is_stale = False
        self._period = SourcePeriod()
        self.meter = Meter()
        self.epoch = 0  # of the composite that came last, 0 before the first
        self._first_at: float | None = None

    @property
    def showing_s(self) -> float:
        """Seconds since the first composite, 0 before it."""
        return 0.0 if self._first_at is None else time.monotonic() - self._first_at

    def show(self, message: FrameComposed, picture: BgrImage) -> None:
        """Show a composite that has come, (H, W, 3) uint8 BGR. The instance view goes to local sinks only."""
        now_ns = time.monotonic_ns()
        self.epoch = message.frame.epoch
        self._period.add(message.frame.epoch, message.frame.frame_id, message.frame.captured_ns)
        self.meter.add(message, now_ns)
        metrics.count("shown")
        metrics.set("missed", self.meter.missed)
        metrics.observe("latency_seconds", (now_ns - message.frame.captured_ns) / 1e9)
        now = time.monotonic()
        self._first_at = self._first_at or now
        self._last_at, self._is_stale = now, False
        if message.state == INSTANCES and not self._sink.local:
            self._last = None
            self._sink.blank("the view of everything found is shown on the machine of the call only")
            return
        # a copy: the sink may draw on the picture
        self._last = (message, picture.copy()) if self._source.stale_after_s is not None else None
        self._sink.show(picture, message, self.meter)

    def source_lost(self, why: str) -> None:
        """Blank the sink at once and give the reason."""
        self._last = None
        self._sink.blank(why)

    def check_timeout(self) -> None:
        """Mark the last composite as stale, or blank the sink, when no composite has come for too long."""
        silent_s = time.monotonic() - self._last_at
        stale_s = self._source.stale_after_s
        if silent_s > self._period.patience_ns(round(1e9 * self._source.blank_after_s)) / 1e9:
            self._last, self._last_at = None, time.monotonic()
            self._sink.blank(self._source.silent_text)
        elif (
            self._last is not None
            and not self._is_stale
            and stale_s is not None
            and silent_s > self._period.patience_ns(round(1e9 * stale_s), STALE_PERIODS) / 1e9
        ):
            self._is_stale = True
            message, picture = self._last
            self._sink.show(marked(picture, "OLD PICTURE: waiting for a new one"), message, self.meter)


def marked(picture: BgrImage, text: str) -> BgrImage:
    """Return a copy of (H, W, 3) uint8 BGR at half its brightness, with a line of text across the middle."""
    dim = np.asarray(picture // 2, np.uint8)
    middle = dim[dim.shape[0] // 2 :]
    write_caption(middle, [text])
    return dim
