"""composites → a sink; the viewer's wishes → control."""

from __future__ import annotations

import logging
import time
from contextlib import closing

import cv2

from common.ipc.messages import INSTANCES, LOST
from common.ipc.records import SetView
from common.ipc.streams import COMPOSITES, CONTROL, Context, connect, open_context
from common.metrics.counters import Counters
from common.metrics.load import LoadReporter
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SUSPENDED, SuspendDetector
from display.commands import Wishes
from display.composite_reader import Composites, Pictures
from display.presenter import Shown
from display.settings import DisplaySettings
from display.sinks.factory import open_sink

POLL_MS = 15  # keys and the closing of a window are looked for this often

log = logging.getLogger("onlyme")


def run(settings: DisplaySettings, stage: StageContext) -> None:
    """Show composites until told to stop, or the viewer quits, or `--seconds` are over.

    Raises:
        ConfigError: The relay's address cannot be used, or not without a key, or not for the instance view.
        DisplayError: The sink cannot be opened.
        KeyFileError: The viewer's key cannot be used.
    """
    cv2.setNumThreads(1)
    counters = Counters(log)
    with open_context() as context:
        pictures, wishes = open_pictures(context, settings, counters)
        if not settings.connect:
            stage.each_second.append(LoadReporter("display", context, settings.call_dir).send)
        with closing(open_sink(settings)) as sink:
            shown, suspend = Shown(sink, pictures), SuspendDetector()
            # it is privacy off: that this display was started again is nobody's wish for it
            asks_view = settings.view == INSTANCES and stage.restarts == 0
            while not stage.should_stop():
                if was_suspended := suspend.was_suspended():  # first of all: a sink may send its last picture again
                    shown.lose(SUSPENDED)
                wish = sink.poll()
                if wish.quit:
                    break
                if not was_suspended:  # else it was asked of a picture of before the sleep
                    wishes.add(shown.epoch, *wish.asked)
                    wishes.put(*wish.made)
                wishes.pass_on()
                pictures.socket.poll(POLL_MS)
                if pictures.is_gone():
                    shown.lose(pictures.gone)
                for message, picture in pictures.waiting():
                    if message.frame.captured_ns < suspend.resumed_ns:
                        counters.count("composite", "of before the sleep")
                        continue
                    if asks_view and message.state != LOST:
                        asks_view = False
                        wishes.add(message.frame.epoch, SetView(True))
                    shown.put(message, picture)
                shown.look()
                if settings.seconds and shown.first_at and time.monotonic() - shown.first_at >= settings.seconds:
                    break
    meter, lost = shown.meter, f"; {counters}" if str(counters) else ""
    log.info("ended after %d pictures, %d missed%s", meter.shown, meter.missed, lost)


def open_pictures(context: Context, settings: DisplaySettings, counters: Counters) -> tuple[Pictures, Wishes]:
    """Where composites come from and where wishes go: the call on this machine, or `--connect`."""
    if settings.connect:
        from display.remote import open_relayed  # with it comes asyncio: 3 MB that a display on this machine spares

        relayed = open_relayed(context, settings, counters)
        return relayed, Wishes(relayed.socket, counters, relayed.now_ns)
    pictures = Composites(connect(context, COMPOSITES, settings.call_dir), counters)
    return pictures, Wishes(connect(context, CONTROL, settings.call_dir), counters)
