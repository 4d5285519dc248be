"""Source → frames; the newest frame → whichever worker is idle."""

from __future__ import annotations

import logging
import math
import os
import time
from pathlib import Path

import zmq

from capture.dispatch import Dispatch, is_worth_giving
from capture.reader import Lost, Reader
from capture.sources import Shot, name_of, open_source
from common.config import CaptureSettings
from common.ipc.codec import encode
from common.ipc.fields import printable
from common.ipc.messages import FrameCaptured, SourceLost, SourceNotice, WorkAssigned, WorkRequested
from common.ipc.records import FrameInfo
from common.ipc.ring import ShapedRing
from common.ipc.streams import FRAMES, WORK, Context, bind, open_context, parse, send
from common.metrics.counters import Counters
from common.metrics.load import Load
from common.metrics.metrics import figures
from common.runtime.child import Stop, sole_writer
from common.runtime.suspend import SLEPT, SleepWatch

POLL_MS = 100
NOTIFY_EVERY_S = 1.0  # a compose that started later reads it within so long

log = logging.getLogger("onlyme")


def run(settings: CaptureSettings, stop: Stop) -> None:
    """Publish frames until told to stop or the source ends.

    Raises:
        SourceError, AssetError: The source cannot be opened or read.
        AlreadyRunningError: Another capture serves this run folder.
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
                frames.notify(source.notice if source else "")
                frame = frames.publish(taken)
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
        self._notice = ""
        self._notified_at = -math.inf

    def notify(self, notice: str) -> None:
        """Tell compose what to write in the picture: at once where that is new, else once a second."""
        now = time.monotonic()
        if notice != self._notice or now - self._notified_at >= NOTIFY_EVERY_S:
            self._notice, self._notified_at = notice, now
            send(self._socket, SourceNotice(notice))

    def publish(self, shot: Shot) -> FrameInfo:
        """Write one shot into the ring and tell compose; return what it was told of the frame."""
        height, width = shot.picture.shape[:2]
        if self.shape not in (None, (height, width, 3)):
            self.lose(f"the picture's size has changed to {width} x {height}")
        ring = self.of(height, width)
        ring.claim()[:] = shot.picture
        sequence = ring.publish()
        frame = FrameInfo(
            epoch=ring.epoch,
            frame_id=sequence,
            captured_ns=shot.captured_ns,
            source_index=shot.source_index,
            segment=ring.name,
            sequence=sequence,
            height=height,
            width=width,
        )
        send(self._socket, FrameCaptured(frame))
        figures.count("frames_captured")
        return frame

    def lose(self, reason: str) -> None:
        """Say that nothing comes any more; what comes next has a new ring and a new epoch."""
        self.close()
        send(self._socket, SourceLost(printable(reason)))


class Workers:
    """The inference workers' side: hands the newest frame to whoever is idle."""

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        self.socket = bind(context, WORK, run_dir)
        self._newest: FrameInfo | None = None
        self._period_ns = 0
        self._cores = os.cpu_count() or 1
        self._dispatch, self._said = Dispatch(self._cores), 0
        self._counters = counters

    def offer(self, newest: FrameInfo | None) -> None:
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
            message = WorkAssigned(self._newest, min(self._cores, self._count(now)))
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
            if len(parts) == 1 and parse(parts[0], WorkRequested, self._counters) is not None:
                self._dispatch.ask(worker, now)
