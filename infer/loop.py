"""The newest frame nobody else has → instances → masks."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace

import cv2

from common.errors import RingGoneError
from common.ipc.messages import FrameCaptured, LooksWanted, MasksInferred, WorkAsked
from common.ipc.ring import RingCache
from common.ipc.streams import LOOKS, MASKS, WORK, Context, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.metrics.load import Load
from common.metrics.metrics import figures
from common.runtime.child import Stop
from common.runtime.environment import process_name
from common.vision.arrays import BgrImage
from infer.detector import open_detector
from infer.detector_protocol import Detector
from infer.looks import Looks
from infer.niceness import OWN, Niceness
from infer.settings import CPU, InferSettings
from infer.static_scene import CELLS_WH

ASK_AGAIN_S = 0.5  # a restarted capture has forgotten who asked
POLL_MS = 100
GLANCE_AGAIN_S = 0.05  # after a glance that nothing came of: every second frame at 30 a second

log = logging.getLogger("onlyme")


def run(settings: InferSettings, stop: Stop) -> None:
    """Infer until told to stop.

    Raises:
        ModelError, ConfigError, AssetError: The network cannot be opened.
        DeviceError: The device has failed; the worker starts again on the processor.
    """
    os.nice(OWN)
    cv2.setNumThreads(settings.threads or share_of_cores(1))  # the first frame says how many workers there are
    # whatever ended the worker before this one: a device can do that in many ways, the processor in none
    detector = open_detector(replace(settings, device=CPU) if stop.restarts else settings)
    log.info("finds people with %s", detector.model)
    name = f"{process_name('infer')}:{os.getpid()}"
    with open_context() as context:
        stop.each_second.append(Load("infer", context, settings.call_dir).say)
        work = Work(context, settings, name, least_size(detector), Counters(log))
        masks, looks, niceness = connect(context, MASKS, settings.call_dir), Looks(detector), Niceness()
        while not stop:
            message, picture = work.next_frame()
            if message is None or picture is None:
                continue
            wanted = work.wanted()
            niceness.set(insists=wanted.insists)
            # where a budget holds, CPU seconds count, and not how soon a result comes
            cv2.setNumThreads(settings.threads or (1 if wanted.hz else share_of_cores(message.workers)))
            begun_ns = time.monotonic_ns()
            looked = looks.at(message, picture, wanted)
            if looked is None:
                work.rest()
                continue
            result = MasksInferred(
                epoch=message.epoch,
                frame_id=message.frame_id,
                captured_ns=message.captured_ns,
                inference_ns=time.monotonic_ns() - begun_ns,
                worker=name,
                model=looked.model,
                instances=looked.instances,
                held_ns=looked.held_ns,
                cpu_ns=looked.cpu_ns,
            )
            if send(masks, result):
                figures.count("masks_sent")
            else:
                work.counters.count("masks", "nobody takes them")
    log.info("stopped%s", f"; {work.counters}" if str(work.counters) else "")


def share_of_cores(workers: int) -> int:
    """Threads of each worker so that together they do not oversubscribe the cores, which hurts."""
    return max(1, (os.cpu_count() or 1) // max(1, workers))


def least_size(detector: Detector) -> tuple[float, float]:
    """Width and height that a frame may be halved to and still be good enough to look at, and to glance at."""
    return max(detector.least_wh[0], CELLS_WH[0]), max(detector.least_wh[1], CELLS_WH[1])


class Work:
    """Asks capture for a frame, and takes as much of it out of the ring as is looked at.

    Args:
        context: Of the sockets.
        settings: Of the call.
        name: Of the worker.
        least_wh: What a frame is halved to, at least.
        counters: Of what is skipped.
    """

    def __init__(
        self, context: Context, settings: InferSettings, name: str, least_wh: tuple[float, float], counters: Counters
    ) -> None:
        self._socket, self._looks = (
            connect(context, WORK, settings.call_dir),
            connect(context, LOOKS, settings.call_dir),
        )
        self._most_hz, self._name = settings.max_infer_hz, name
        # until compose says something: nothing is shown before the first result
        self._wanted = LooksWanted(0.0, True, False, False, 0, 0, round(settings.mask_age_limit_ms))
        self._least_wh = least_wh
        self._ring = RingCache()
        self._asked_at = -ASK_AGAIN_S
        self._not_before = 0.0
        self.counters = counters

    def wanted(self) -> LooksWanted:
        """What compose wants of the workers, as it said last."""
        if said := receive(self._looks, LooksWanted, self.counters):
            self._wanted = said[-1]
        return self._wanted

    def next_frame(self) -> tuple[FrameCaptured | None, BgrImage | None]:
        """A frame for this worker alone, or nothing within a moment.

        Returns:
            What capture said of it, and (h, w, 3) uint8 BGR, the frame or one of its halves.
        """
        now = time.monotonic()
        if now < self._not_before:
            time.sleep(min(self._not_before - now, POLL_MS / 1000))
            return None, None
        if now - self._asked_at >= ASK_AGAIN_S and send(self._socket, WorkAsked(self._name)):
            self._asked_at = now
        if not self._socket.poll(POLL_MS):
            return None, None
        messages = receive(self._socket, FrameCaptured, self.counters)
        if not messages:
            return None, None
        self._not_before = max(now, self._not_before + self._period_s())
        self._asked_at = -ASK_AGAIN_S  # the credit is spent: ask again at once when done
        message = messages[-1]
        try:
            shape = (message.height, message.width, 3)
            picture = self._ring.read_reduced(message.segment, message.sequence, shape, self._least_wh)
        except RingGoneError as error:
            self.counters.count("frame", "segment gone", str(error))
            return None, None
        if picture is None:
            self.counters.count("frame", "lapped")
            return None, None
        return message, picture

    def rest(self) -> None:
        """Nothing came of the last frame: the next one may wait."""
        self._not_before = max(self._not_before, time.monotonic() + GLANCE_AGAIN_S)

    def _period_s(self) -> float:
        """Seconds from one frame to the next, at least."""
        rates = [hz for hz in (self._most_hz, self._wanted.hz) if hz]
        return 1 / min(rates) if rates else 0.0
