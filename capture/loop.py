"""Source → frames; the newest frame → whichever worker is idle."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import zmq

from capture.dispatch import Dispatch, is_worth_giving
from capture.reader import Lost, Reader
from capture.settings import CaptureSettings
from capture.sources import Shot, name_of, open_source
from common.ipc.messages import FrameCaptured, SourceLost, WorkAsked, encode, printable
from common.ipc.ring import ShapedRing
from common.ipc.streams import FRAMES, WORK, Context, bind, open_context, parse, send
from common.metrics.counters import Counters
from common.metrics.load import Load
from common.metrics.metrics import figures
from common.runtime.child import Stop, sole_writer
from common.runtime.suspend import SLEPT, SleepWatch

POLL_MS = 100

log = logging.getLogger("onlyme")


def run(settings: CaptureSettings, stop: Stop) -> None:
    """Publish frames until told to stop or the source ends.

    Raises:
        SourceError, AssetError: The source cannot be opened or read.
        RingTakenError: Another capture serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    run_dir = settings.call_dir
    counters = Counters(log)
    with (
        sole_writer(run_dir, FRAMES.name),
        open_context() as context,
        Publisher(context, run_dir) as frames,
        Reader(lambda: open_source(settings), name_of(settings.source), patient=stop.restarts > 0) as reader,
    ):
        workers = Workers(context, run_dir, counters)
        stop.each_second.append(Load("capture", context, run_dir).say)
        poller, sleep = zmq.Poller(), SleepWatch()
        poller.register(reader.fileno(), zmq.POLLIN)
        poller.register(workers.socket, zmq.POLLIN)
        while not stop and not reader.ended:
            poller.poll(POLL_MS)
            if sleep.has_slept():  # a device hands out what it held before
                reader.begin_anew(SLEPT)
            reader.mind(time.monotonic())
            taken, source = reader.take(), reader.source
            if isinstance(taken, Lost):
                log.warning("%s: hidden, trying again", taken.reason)
                frames.lose(taken.reason)
                workers.offer(None)
            elif taken is not None:
                frame = frames.publish(taken, source.notice if source else "")
                workers.offer(frame)
                if frame.frame_id == 0 and source:
                    log.info("%s; frames of %d x %d", source.description, *taken.picture.shape[1::-1])
            del taken  # not held until the next one comes
            workers.serve(time.monotonic_ns())
            if reader.overwritten:
                counters.count("frame", "taken too late", number=reader.overwritten)
                reader.overwritten = 0
    log.info("source ended" if reader.ended else "stopped")


class Publisher(ShapedRing):
    """Frames into the ring and onto the stream."""

    def __init__(self, context: Context, run_dir: Path) -> None:
        super().__init__(FRAMES.name, FRAMES.slots)
        self._socket = bind(context, FRAMES, run_dir)

    def publish(self, shot: Shot, notice: str) -> FrameCaptured:
        """Write one shot; returns what was said about it."""
        height, width = shot.picture.shape[:2]
        if self.shape not in (None, (height, width, 3)):
            self.lose(f"the picture's size has changed to {width} x {height}")
        ring = self.of(height, width)
        ring.claim()[:] = shot.picture
        sequence = ring.publish()
        message = FrameCaptured(
            epoch=ring.epoch,
            frame_id=sequence,
            captured_ns=shot.captured_ns,
            source_index=shot.source_index,
            segment=ring.name,
            sequence=sequence,
            height=height,
            width=width,
            notice=notice,
        )
        send(self._socket, message)
        figures.count("frames_captured")
        return message

    def lose(self, reason: str) -> None:
        """Say that nothing comes any more; what comes next has a new ring and a new epoch."""
        self.close()
        send(self._socket, SourceLost(printable(reason)))


class Workers:
    """The inference workers' side: hands the newest frame to whoever is idle."""

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        self.socket = bind(context, WORK, run_dir)
        self._newest: FrameCaptured | None = None
        self._period_ns = 0
        self._cores = os.cpu_count() or 1
        self._dispatch, self._said = Dispatch(self._cores), 0
        self._counters = counters

    def offer(self, newest: FrameCaptured | None) -> None:
        """This frame is to be had now, or none."""
        last, self._newest = self._newest, newest
        self._period_ns = newest.captured_ns - last.captured_ns if newest and last else 0

    def serve(self, now_ns: int) -> None:
        """Take what workers ask, and give the newest frame to one of them."""
        now = now_ns / 1e9
        self._hear(now)
        if self._newest is None or not is_worth_giving(now_ns - self._newest.captured_ns, self._period_ns):
            return
        frame = (self._newest.epoch, self._newest.frame_id)
        while (worker := self._dispatch.next_worker(*frame, now)) is not None:
            message = replace(self._newest, workers=min(self._cores, self._count(now)))
            try:
                self.socket.send_multipart([worker, encode(message)], zmq.NOBLOCK)
            except (zmq.Again, zmq.ZMQError):
                self._dispatch.lost(worker)  # it died while it waited: the frame goes to the next
                self._counters.count("worker", "gone")
            else:
                self._dispatch.gave(worker, *frame, now)

    def _count(self, now: float) -> int:
        """How many workers there are; more than cores are said."""
        workers = self._dispatch.workers(now)
        if workers > self._cores and workers != self._said:
            log.warning("%d inference workers take turns: this machine has %d cores", workers, self._cores)
        self._said = workers
        return workers

    def _hear(self, now: float) -> None:
        while True:
            try:
                worker, *parts = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(parts) == 1 and parse(parts[0], WorkAsked, self._counters) is not None:
                self._dispatch.ask(worker, now)
