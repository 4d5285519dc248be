"""The sink that shows no picture and logs how the call goes."""

from __future__ import annotations

import logging
import time

from common.ipc.messages import FrameComposed
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.sinks.sink import UnattendedSink

log = logging.getLogger("onlyme")


class HeadlessSink(UnattendedSink):
    """Logs rate, delay and state every `every_s` seconds."""

    is_watched = False  # there is no picture to look at

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at = time.monotonic()
        self._is_blank = False

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._is_blank = False
        now = time.monotonic()
        if meter.shown == 1:
            log.info("first composite: %d x %d, %s", message.frame.width, message.frame.height, message.state)
        if now >= self._next_at and meter.shown > 1:
            self._next_at = now + self._every_s
            log.info("%s, %d missed%s", describe(message, meter.read()), meter.missed,
                     f", {message.model}" if message.model else "")  # fmt: skip

    def end(self, count: int) -> None:
        """Log how many composites there were; see display/every.py."""
        log.info("the recording is whole: %d composites", count)

    def blank(self, why: str) -> None:
        """See Sink."""
        if not self._is_blank:
            self._is_blank = True
            log.warning("%s", why)
