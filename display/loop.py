"""composites → a sink; the viewer's commands → control."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from functools import partial

import cv2

from common.ipc.messages import INSTANCES, LOST
from common.ipc.records import SetView
from common.ipc.streams import COMPOSITES, CONTROL, Context, connect, open_context
from common.metrics.counters import Counters
from common.metrics.load import LoadReporter
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SUSPENDED, SuspendDetector
from common.settings.recording import EVERY
from display import every
from display.commands import CommandQueue
from display.composite_reader import CompositeReader, CompositeSource
from display.presenter import Presenter
from display.settings import DisplaySettings
from display.sinks.factory import open_sink
from display.sinks.reopening import ReopeningSink
from display.viewer_report import ViewerReport

POLL_MS = 15  # keys, and whether the window was closed, are checked this often

log = logging.getLogger("onlyme")


def run(settings: DisplaySettings, stage: StageContext) -> None:
    """Show composites until told to stop or until there are no more. Raises what the loop for the pace raises."""
    (every.run if settings.pace == EVERY else run_live)(settings, stage)


def run_live(settings: DisplaySettings, stage: StageContext) -> None:
    """Show composites until the stage must stop, until the viewer quits, or until `--seconds` are over.

    Raises:
        ConfigError: The relay's address cannot be used, needs a key, or cannot show the instance view.
        DisplayError: The sink cannot be opened for the first time.
        KeyFileError: The viewer's key cannot be used.
    """
    cv2.setNumThreads(1)
    counters = Counters(log)
    with open_context() as context:
        source, commands = open_source(context, settings, counters)
        viewers = None if settings.connect else ViewerReport(context, settings.call_dir)
        if not settings.connect:
            stage.each_second.append(LoadReporter("display", context, settings.call_dir).send)
        # the page of a display that is restarted is open already
        opener = partial(open_sink, replace(settings, open_page=settings.open_page and stage.restarts == 0))
        with closing(ReopeningSink(settings.sink, opener, is_restart=stage.restarts > 0)) as sink:
            presenter, suspend = Presenter(sink, source), SuspendDetector()
            # the instance view is privacy off: a display that was restarted after a crash does not ask for it
            asks_view = settings.view == INSTANCES and stage.restarts == 0
            while not stage.should_stop():
                # before the sink is polled, which may show its last picture again
                if was_suspended := suspend.was_suspended():
                    presenter.source_lost(SUSPENDED)
                events = sink.poll()
                if events.quit:
                    break
                if viewers is not None:
                    viewers.update(sink.is_watched, time.monotonic_ns())
                if not was_suspended:  # commands of before the suspend were for another picture
                    commands.add(presenter.epoch, *events.commands)
                    commands.add_issued(*events.issued)
                commands.flush()
                source.socket.poll(POLL_MS)
                if source.is_gone():
                    presenter.source_lost(source.gone_text)
                for message, picture in source.receive():
                    if message.frame.captured_ns < suspend.resumed_ns:
                        counters.count("composite", "of before the sleep")
                        continue
                    if asks_view and message.state != LOST:
                        asks_view = False
                        commands.add(message.frame.epoch, SetView(True))
                    presenter.show(message, picture)
                presenter.check_timeout()
                if settings.seconds and presenter.showing_s >= settings.seconds:
                    break
    meter, lost = presenter.meter, f"; {counters}" if str(counters) else ""
    log.info("ended after %d pictures, %d missed%s", meter.shown, meter.missed, lost)


def open_source(
    context: Context, settings: DisplaySettings, counters: Counters
) -> tuple[CompositeSource, CommandQueue]:
    """Open where composites come from and where commands go: the call on this machine, or the relay at `--connect`."""
    if settings.connect:
        from display.relay_reader import open_relay_reader  # loads asyncio, 3 MB, only for a display that needs it

        relay = open_relay_reader(context, settings, counters)
        return relay, CommandQueue(relay.socket, counters, relay.now_ns)
    reader = CompositeReader(connect(context, COMPOSITES, settings.call_dir), counters)
    return reader, CommandQueue(connect(context, CONTROL, settings.call_dir), counters)
