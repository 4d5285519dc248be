"""Publishes every frame of the source, and sends the newest one to an idle inference worker."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import zmq

from capture.cameras import listing
from capture.demand import OnDemand
from capture.dispatch import Dispatcher, should_dispatch
from capture.every import loop as every
from capture.reader import SourceFailure, SourceReader
from capture.request_socket import RequestSocket
from capture.settings import CaptureSettings
from capture.sources.choice import check_source, name_of, open_source
from capture.sources.source import SourceFrame, check_size
from common.ipc.fields import printable
from common.ipc.messages import FrameCaptured, SourceIdle, SourceLost, SourceNotice, WorkAssigned
from common.ipc.records import FrameInfo
from common.ipc.ring import ResizableRing
from common.ipc.streams import FRAMES, Context, bind, open_context, send
from common.metrics.counters import Counters
from common.metrics.load import LoadReporter
from common.metrics.metrics import metrics
from common.runtime.cores import available_cores
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SUSPENDED, SuspendDetector
from common.settings.recording import EVERY

POLL_MS = 100

log = logging.getLogger("onlyme")


def run(settings: CaptureSettings, stage: StageContext) -> None:
    """Publish frames until told to stop, or print what cameras there are. Raises what the loop for the pace raises."""
    if settings.list_:
        print(listing())
    else:
        (every.run if settings.pace == EVERY else run_live)(settings, stage)


def run_live(settings: CaptureSettings, stage: StageContext) -> None:
    """Publish frames until told to stop or the source ends.

    Raises:
        SourceError, AssetError: The source cannot be opened or read.
        AlreadyRunningError: Another capture serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    run_dir = settings.call_dir
    counters = Counters(log)
    with (
        writer_lock(run_dir, FRAMES.name),
        open_context() as context,
        FramePublisher(context, run_dir) as publisher,
        reader_of(settings, is_restart=stage.restarts > 0) as reader,
    ):
        work = WorkSocket(context, run_dir, counters)
        demand = OnDemand(context, settings, reader, counters)
        stage.each_second.append(LoadReporter("capture", context, run_dir).send)
        poller, suspend = zmq.Poller(), SuspendDetector()
        poller.register(reader.fileno(), zmq.POLLIN)
        poller.register(work.socket, zmq.POLLIN)
        poller.register(demand.socket, zmq.POLLIN)
        while not stage.should_stop() and not reader.ended:
            poller.poll(POLL_MS)
            if suspend.was_suspended():  # the device may deliver a frame from before the suspend
                reader.restart(SUSPENDED)
            if demand.is_idle(time.monotonic_ns()):
                publisher.source_idle(settings.height, settings.width)
                work.set_newest(None)
            reader.check_timeout(time.monotonic())
            polled, source = reader.poll(), reader.source
            if isinstance(polled, SourceFailure):
                log.warning("%s: hidden, trying again", polled.reason)
                publisher.source_lost(polled.reason)
                work.set_newest(None)
            elif polled is not None:
                publisher.notify(source.notice if source else "")
                frame = publisher.publish(polled)
                work.set_newest(frame)
                if frame.frame_id == 0 and source:
                    log.info("%s; frames of %d x %d", source.description, *polled.picture.shape[1::-1])
            del polled  # frees its memory before the next frame comes
            work.serve(time.monotonic_ns())
            if reader.overwritten:
                counters.count("frame", "taken too late", number=reader.overwritten)
                reader.overwritten = 0
    log.info("source ended" if reader.ended else "stopped")


def reader_of(settings: CaptureSettings, *, is_restart: bool) -> SourceReader:
    """Return the reader of the source that the settings name; with `--on-demand` it is paused.

    Raises:
        SourceError: The source is not there.
    """
    waits = settings.on_demand
    if waits and not is_restart:
        check_source(settings)
    name = name_of(settings.source)
    return SourceReader(lambda: open_source(settings), name, retry_open=is_restart or waits, paused=waits)


class FramePublisher(ResizableRing):
    """Write frames to the ring, and publish where they are."""

    def __init__(self, context: Context, run_dir: Path) -> None:
        super().__init__(FRAMES.name, FRAMES.slots)
        self._socket = bind(context, FRAMES, run_dir)
        self._notice: str | None = None  # what compose shows; None: nobody knows what an earlier capture told it

    def notify(self, notice: str) -> None:
        """Publish the text to show in the picture: with every frame, so that no picture lacks it; "" once, when it ends."""
        if notice or notice != self._notice:
            self._notice = notice
            send(self._socket, SourceNotice(notice))

    def publish(self, frame: SourceFrame) -> FrameInfo:
        """Write one frame to the ring and publish it. Returns its description.

        Raises:
            SourceError: The picture is larger than a message can describe.
            RingSpaceError: Shared memory has too little room for it.
        """
        height, width = frame.picture.shape[:2]
        check_size(height, width)
        if self.shape not in (None, (height, width, 3)):
            self.source_lost(f"the picture's size has changed to {width} x {height}")
        ring = self.ring_for(height, width)
        ring.claim()[:] = frame.picture
        sequence = ring.publish()
        info = FrameInfo(
            epoch=ring.epoch,
            frame_id=sequence,  # which compose's copy in another ring keeps, with another sequence
            captured_ns=frame.captured_ns,
            source_index=frame.source_index,
            segment=ring.name,
            sequence=sequence,
            height=height,
            width=width,
        )
        send(self._socket, FrameCaptured(info))
        metrics.count("frames_captured")
        return info

    def source_lost(self, reason: str) -> None:
        """Publish that the source was lost. The next frame gets a new ring and a new epoch."""
        self.close()
        send(self._socket, SourceLost(printable(reason)))

    def source_idle(self, height: int, width: int) -> None:
        """Publish that the source, which is asked for pictures of this size in pixels, is closed because nobody looks."""
        self.close()
        send(self._socket, SourceIdle(height, width))


class WorkSocket:
    """Send the newest frame to idle inference workers, on request."""

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        self._requests = RequestSocket(context, run_dir, counters)
        self.socket = self._requests.socket
        self._newest: FrameInfo | None = None
        self._period_ns = 0
        self._cores = available_cores()
        self._dispatcher, self._logged_count = Dispatcher(self._cores), 0

    def set_newest(self, newest: FrameInfo | None) -> None:
        """Set the frame that the next idle worker gets; None: there is none."""
        last, self._newest = self._newest, newest
        self._period_ns = newest.captured_ns - last.captured_ns if newest and last else 0

    def serve(self, now_ns: int) -> None:
        """Receive the requests of workers, and send the newest frame to one of them."""
        now_s = now_ns / 1e9
        for idle in self._requests.receive():
            self._dispatcher.request(idle, now_s)
        if self._newest is None or not should_dispatch(now_ns - self._newest.captured_ns, self._period_ns):
            return
        frame = (self._newest.epoch, self._newest.frame_id)
        while (worker := self._dispatcher.next_worker(*frame, now_s)) is not None:  # twice only if the first is gone
            message = WorkAssigned(self._newest, min(self._cores, self._worker_count(now_s)))
            if self._requests.send(worker, message):
                self._dispatcher.assign(worker, *frame, now_s)
            else:
                self._dispatcher.remove(worker)

    def _worker_count(self, now_s: float) -> int:
        """Return the number of workers. Warns if there are more than cores."""
        workers = self._dispatcher.worker_count(now_s)
        if workers > self._cores and workers != self._logged_count:
            log.warning("%d inference workers take turns: this call may use %d cores", workers, self._cores)
        self._logged_count = workers
        return workers
