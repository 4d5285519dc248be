"""Composes every frame of a recording, in order: frames + results → judge → composites, judgements."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import cv2
import zmq

from common.ipc.streams import COMPOSITES, open_context
from common.metrics.counters import Counters
from common.redaction.results import ResultsFile
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from compose.every.composites import RecordedComposites
from compose.every.frames import RecordedFrames
from compose.every.judge import Judge
from compose.every.judgement import JudgementsFile
from compose.every.judging import JudgedFrames
from compose.malloc import tune_malloc
from compose.picture.renderer import Renderer
from compose.settings import ComposeSettings

POLL_MS = 50

log = logging.getLogger("onlyme")


def run(settings: ComposeSettings, stage: StageContext) -> None:
    """Compose every frame, then wait until told to stop: what the display lacks is sent again.

    Raises:
        SourceError: The background cannot be read.
        ConfigError: The file of results or of judgements cannot be used.
        RestartError: Capture has ended in the middle of the recording.
        AlreadyRunningError: Another compose serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    stage.forbid_restart()
    cv2.setNumThreads(1)
    tune_malloc()
    counters, run_dir, renderer = Counters(log), settings.call_dir, Renderer(settings)
    with ExitStack() as opened:
        opened.enter_context(writer_lock(run_dir, COMPOSITES.name))
        kept = opened.enter_context(ResultsFile(settings.results, writes=True)) if settings.results else None
        judgements = opened.enter_context(JudgementsFile(settings.judgements))
        context = opened.enter_context(open_context())
        out = opened.enter_context(RecordedComposites(context, run_dir, counters))
        frames, poller = RecordedFrames(context, run_dir, kept, counters), zmq.Poller()
        judged = JudgedFrames(frames, Judge(settings))
        for socket in (*frames.sockets, out.wanted_socket):
            poller.register(socket, zmq.POLLIN)
        while not stage.should_stop():
            poller.poll(0 if out.has_room and judged.is_ready else POLL_MS)
            out.serve()
            frames.receive()
            if not out.has_room:
                continue
            if (one := judged.next()) is not None:
                renderer.render(one.pyramid, one.frame, one.decision, one.alpha, out.claim(one.frame))
                out.style = renderer.style((one.frame.width, one.frame.height))
                out.model, out.detector = judged.model, judged.detector
                out.publish(one.frame, one.decision, privacy=True)
                judgements.add(one.judgement, one.frame.width, one.frame.height, judged.model)
            elif judged.have_ended and not out.has_ended:
                out.end()
    log.info("stopped after %d composites%s", out.count, f"; {counters}" if str(counters) else "")
