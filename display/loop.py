"""composites → a sink; the viewer's commands → control."""

from __future__ import annotations

import logging
import time
from contextlib import closing

import cv2

from common.config import DisplaySettings
from common.ipc.messages import INSTANCES, LOST, SetView
from common.ipc.streams import COMPOSITES, CONTROL, Context, connect, open_context
from common.metrics.counters import Counters
from common.metrics.load import Load
from common.runtime.child import Stop
from common.runtime.suspend import SLEPT, SleepWatch
from display.commands import CommandQueue
from display.composite_reader import Composites, Pictures
from display.presenter import Presenter
from display.sinks.factory import open_sink

POLL_MS = 15  # keys and the closing of a window are looked for this often

log = logging.getLogger("onlyme")


def run(settings: DisplaySettings, stop: Stop) -> None:
    """Show composites until told to stop, or the viewer quits, or `--seconds` are over.

    Raises:
        ConfigError: The relay's address cannot be used, or not without a key, or not for the instance view.
        DisplayError: The sink cannot be opened.
        KeyFileError: The viewer's key cannot be used.
    """
    cv2.setNumThreads(1)
    counters = Counters(log)
    with open_context() as context:
        pictures, commands = open_pictures(context, settings, counters)
        if not settings.connect:
            stop.each_second.append(Load("display", context, settings.call_dir).say)
        with closing(open_sink(settings)) as sink:
            presenter, sleep = Presenter(sink, pictures), SleepWatch()
            # the instance view is privacy off: a display that was restarted after a crash does not ask for it
            asks_view = settings.view == INSTANCES and stop.restarts == 0
            while not stop:
                if has_slept := sleep.has_slept():  # first of all: a sink may send its last picture again
                    presenter.source_lost(SLEPT)
                events = sink.poll()
                if events.quit:
                    break
                if not has_slept:  # else it was asked of a picture of before the sleep
                    commands.add(presenter.epoch, *events.commands)
                    commands.add_issued(*events.issued)
                commands.flush()
                pictures.socket.poll(POLL_MS)
                if pictures.is_gone():
                    presenter.source_lost(pictures.gone)
                for message, picture in pictures.waiting():
                    if message.captured_ns < sleep.woke_ns:
                        counters.count("composite", "of before the sleep")
                        continue
                    if asks_view and message.state != LOST:
                        asks_view = False
                        commands.add(message.epoch, SetView(True))
                    presenter.show(message, picture)
                presenter.check_timeout()
                if (
                    settings.seconds
                    and presenter.first_at
                    and time.monotonic() - presenter.first_at >= settings.seconds
                ):
                    break
    meter, lost = presenter.meter, f"; {counters}" if str(counters) else ""
    log.info("ended after %d pictures, %d missed%s", meter.shown, meter.missed, lost)


def open_pictures(context: Context, settings: DisplaySettings, counters: Counters) -> tuple[Pictures, CommandQueue]:
    """Where composites come from and where commands go: the call on this machine, or `--connect`."""
    if settings.connect:
        from display.relay_reader import (
            open_relayed,  # with it comes asyncio: 3 MB that a display on this machine spares
        )

        relayed = open_relayed(context, settings, counters)
        return relayed, CommandQueue(relayed.socket, counters, relayed.now_ns)
    pictures = Composites(connect(context, COMPOSITES, settings.call_dir), counters)
    return pictures, CommandQueue(connect(context, CONTROL, settings.call_dir), counters)
