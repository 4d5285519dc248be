"""Writes every composite of a recording once, in order, and ends the call when it is whole."""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from typing import Protocol, runtime_checkable

import cv2

from common.errors import ConfigError, DisplayError, RestartError, RingGoneError
from common.ipc.credit import CreditedReceiver
from common.ipc.messages import FrameComposed, RecordingEnded
from common.ipc.records import FrameInfo
from common.ipc.ring import RingCache
from common.ipc.streams import COMPOSITES, COMPOSITES_WANTED, connect, open_context
from common.metrics.counters import Counters
from common.metrics.metrics import metrics
from common.runtime.beside import Beside
from common.runtime.stage_context import StageContext
from common.vision.arrays import BgrImage
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.factory import open_sink
from display.sinks.sink import Sink

POLL_MS = 50

log = logging.getLogger("onlyme")


@runtime_checkable
class RecordingSink(Sink, Protocol):
    """A sink that takes every composite of a recording; `show` returns when it needs the picture no longer."""

    def end(self, count: int) -> None:
        """Finish what was shown, of `count` composites.

        Raises:
            DisplayError: It cannot be finished, or composites are missing.
        """


def run(settings: DisplaySettings, stage: StageContext) -> None:
    """Write composites until the recording is whole.

    Raises:
        ConfigError: A setting is for a live call only.
        DisplayError: The sink cannot be opened, or cannot go on.
        SourceError: The sound of the recording cannot be read.
        RestartError: Compose has ended in the middle of the recording.
    """
    refuse_live_only(settings)
    stage.forbid_restart()
    cv2.setNumThreads(1)
    counters, meter, ring, written = Counters(log), Meter(), RingCache(), 0
    beside = Beside(stage)  # a disk or a long film may take its time
    with closing(open_recording_sink(settings)) as sink, open_context() as context:
        composites = CreditedReceiver[FrameComposed | RecordingEnded](
            connect(context, COMPOSITES, settings.call_dir),
            connect(context, COMPOSITES_WANTED, settings.call_dir),
            (FrameComposed, RecordingEnded),
            counters,
        )
        while not stage.should_stop():
            composites.tell(written)
            composites.socket.poll(POLL_MS)
            for message in composites.receive():
                if isinstance(message, RecordingEnded):
                    beside.run(sink.end, message.number)
                    log.info("ended after %d composites", written)
                    return
                beside.run(sink.show, picture_of(message.frame, ring), message, meter)
                written += 1
                metrics.count("frames_written")
                composites.tell(written)
    log.info("stopped after %d composites, before the end%s", written, f"; {counters}" if str(counters) else "")


def refuse_live_only(settings: DisplaySettings) -> None:
    """Refuse what makes no sense where every frame is written.

    Raises:
        ConfigError: A setting is for a live call only.
    """
    wrong = {
        f"--sink {settings.sink}": settings.sink not in ("video", "headless"),
        "--connect": bool(settings.connect),
        f"--view {settings.view}": settings.view != "filtered",
        "--seconds": settings.seconds > 0,
        "--rotate-minutes": settings.rotate_minutes > 0,
        "--rotate-mb": settings.rotate_mb > 0,
    }
    for setting in (name for name, is_wrong in wrong.items() if is_wrong):
        raise ConfigError(
            f"{setting}: expected --sink video or headless, and nothing that leaves frames out, with --pace every; "
            "leave it out, or choose --pace live"
        )


def open_recording_sink(settings: DisplaySettings) -> RecordingSink:
    """Open the sink that `--sink` names.

    Raises:
        DisplayError, SourceError: It cannot be opened, or does not take every composite.
    """
    sink = open_sink(settings)
    if not isinstance(sink, RecordingSink):
        sink.close()
        raise DisplayError(f"--sink {settings.sink}: expected one that takes every composite; use --sink headless")
    return sink


def picture_of(frame: FrameInfo, ring: RingCache) -> BgrImage:
    """Return the composite of a frame, (H, W, 3) uint8 BGR.

    Raises:
        RestartError: It is gone, because compose has ended.
    """
    picture = None
    with suppress(RingGoneError):
        picture = ring.read(frame.segment, frame.sequence, frame.shape, None)
    if picture is None:  # what is wanted is never overwritten
        raise RestartError(f"composite {frame.frame_id} is not there any more, because compose has ended; start again")
    return picture
