"""Reads a recording whole: each frame when compose has room for it, and every so many frames one for an idle worker."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from pathlib import Path

import zmq

from capture.every.looks import LookRule
from capture.every.publisher import LookSocket, RecordingPublisher
from capture.every.recording import Recording
from capture.settings import CaptureSettings
from common.ipc.streams import FRAMES, open_context
from common.metrics.counters import Counters
from common.metrics.metrics import metrics
from common.redaction.results import ResultsFile
from common.runtime.beside import Beside
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext

POLL_MS = 100

log = logging.getLogger("onlyme")


def run(settings: CaptureSettings, stage: StageContext) -> None:
    """Publish every frame of a video file, then wait until told to stop: what compose lacks is sent again.

    Raises:
        SourceError: The source is no video file, or cannot be read.
        ConfigError: The file of results cannot be used.
        AlreadyRunningError: Another capture serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    stage.forbid_restart()
    counters, run_dir, rule = Counters(log), settings.call_dir, LookRule(settings.look_every)
    known, beside = known_in(settings.results), Beside(stage)  # a disk may take its time
    with (
        closing(Recording(settings.source)) as recording,
        writer_lock(run_dir, FRAMES.name),
        open_context() as context,
        RecordingPublisher(context, run_dir, recording.shape, settings.look_every, counters) as publisher,
    ):
        metrics.set("recording_frames", recording.expected)
        log.info("%s; frames of %d x %d", recording.description, recording.shape[1], recording.shape[0])
        work, poller = LookSocket(context, run_dir, counters), zmq.Poller()
        for socket in (publisher.socket, work.socket):
            poller.register(socket, zmq.POLLIN)
        while not stage.should_stop():
            poller.poll(0 if publisher.has_room else POLL_MS)
            work.looks.forget_before(publisher.serve())
            if publisher.has_room:
                frame = beside.run(recording.read)
                if frame is None:
                    publisher.end(recording.count)
                    log.info("source ended after %d frames", recording.count)
                else:
                    at_cut = frame.is_cut or frame.ends_shot
                    is_look = rule.is_look(frame.number, frame.captured_ns, at_cut=at_cut)
                    info = publisher.publish(frame, is_look=is_look)
                    if is_look and frame.number not in known:
                        work.looks.add(info)
            work.serve(time.monotonic())
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def known_in(results: Path | None) -> frozenset[int]:
    """Return the numbers of the looks whose results are in a file, which no worker need be given.

    Raises:
        ConfigError: The file cannot be used.
    """
    if results is None:
        return frozenset()
    with ResultsFile(results) as file:
        return frozenset(file.known)
