"""The newest frame nobody else has → instances → masks."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.budget import Budget, Pace
from common.child import Stop
from common.config import CPU, InferSettings
from common.counters import Counters
from common.environment import process_name
from common.errors import RingGoneError
from common.figures import figures
from common.messages import FrameCaptured, Instance, MasksInferred, WorkAsked
from common.ring import RingCache
from common.streams import MASKS, WORK, Context, connect, open_context, receive, send
from infer.courtesy import OWN, Courtesy, give_way
from infer.detector import Detector, open_detector
from infer.still import CELLS_WH, Need, Still, glance_at

ASK_AGAIN_S = 0.5  # a restarted capture has forgotten who asked
POLL_MS = 100

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
        pace = Pace(Budget(settings.cpu, settings.battery, settings.call_dir), settings.max_infer_hz)
        work = Work(context, settings.call_dir, name, pace, least_wh=least_size(detector), counters=Counters(log))
        masks, looks = connect(context, MASKS, settings.call_dir), Looks(detector, pace, settings.mask_age_limit_ms)
        while not stop:
            message, picture = work.next_frame()
            if message is None or picture is None:
                continue
            cv2.setNumThreads(settings.threads or (1 if pace.is_bound else share_of_cores(message.workers)))
            begun_ns = time.monotonic_ns()
            looked = looks.at(message, picture)
            if looked is None:
                continue
            result = MasksInferred(
                epoch=message.epoch,
                frame_id=message.frame_id,
                captured_ns=message.captured_ns,
                inference_ns=time.monotonic_ns() - begun_ns,
                worker=name,
                model=detector.model,
                instances=looked.instances,
                held_ns=looked.held_ns,
            )
            if send(masks, result):
                figures.count("masks_sent")
            else:
                work.counters.count("masks", "nobody takes them")
    log.info("stopped%s", f"; {work.counters}" if str(work.counters) else "")


class Looked(NamedTuple):
    """What is in a frame, and how much earlier the frame was captured that was looked at for it."""

    instances: tuple[Instance, ...]
    held_ns: int


class Looks:
    """Looks at frames where somebody else may be in them; where nothing has moved since the last one, once in a while says
    its result again.

    Args:
        detector: Finds people.
        pace: Is told what a look costs.
        limit_ms: A mask that is older shows nobody.
    """

    def __init__(self, detector: Detector, pace: Pace, limit_ms: float) -> None:
        self._detector, self._pace = detector, pace
        self._still, self._courtesy = Still(limit_ms), Courtesy(os.cpu_count() or 1)
        self._niceness = self._courtesy.niceness  # as the kernel knows it

    def at(self, message: FrameCaptured, picture: NDArray[np.uint8]) -> Looked | None:
        """What is in a frame, (h, w, 3) uint8 BGR as `Work` gives it; None where that needs no saying."""
        glance = glance_at(picture, message.epoch, message.frame_id, message.captured_ns)
        need = self._still.need(glance)
        if need in (Need.SAME, Need.OWN):
            figures.count("looks_spared")
            if need is Need.OWN or not self._still.is_to_be_said(message.captured_ns):
                return None
            return Looked(self._still.instances, self._still.held_ns(message.captured_ns))
        figures.count("looks_wanted", why=need)
        begun, spent_s = time.monotonic(), time.process_time()
        instances = self._detector.detect(picture)
        took_s, cpu_s = time.monotonic() - begun, time.process_time() - spent_s
        self._still.keep(glance, instances, round(1e9 * took_s))
        self._pace.looked()
        self._give_way(cpu_s, took_s, message.workers)
        figures.observe("inference_seconds", took_s)
        return Looked(instances, 0)

    def _give_way(self, cpu_s: float, took_s: float, workers: int) -> None:
        niceness = self._courtesy.looked(cpu_s, took_s, workers)
        if niceness != self._niceness and give_way(niceness):
            log.debug("a look took %.0f ms, %.0f of them at work: niceness %d", 1e3 * took_s, 1e3 * cpu_s, niceness)
            self._niceness = niceness


def share_of_cores(workers: int) -> int:
    """Threads of each worker so that together they do not oversubscribe the cores, which hurts."""
    return max(1, (os.cpu_count() or 1) // max(1, workers))


def least_size(detector: Detector) -> tuple[float, float]:
    """Width and height that a frame may be halved to and still be good enough to look at, and to glance at."""
    return max(detector.least_wh[0], CELLS_WH[0]), max(detector.least_wh[1], CELLS_WH[1])


class Work:
    """Asks capture for a frame, and takes as much of it out of the ring as is looked at.

    Args:
        context: Of the socket.
        run_dir: Of the call.
        name: Of the worker.
        pace: How often it may look.
        least_wh: What a frame is halved to, at least.
        counters: Of what is skipped.
    """

    def __init__(
        self,
        context: Context,
        run_dir: Path,
        name: str,
        pace: Pace,
        *,
        least_wh: tuple[float, float],
        counters: Counters,
    ) -> None:
        self._socket = connect(context, WORK, run_dir)
        self._name = name
        self._least_wh = least_wh
        self._ring = RingCache()
        self._asked_at = -ASK_AGAIN_S
        self._pace = pace
        self._not_before = 0.0
        self.counters = counters

    def next_frame(self) -> tuple[FrameCaptured | None, NDArray[np.uint8] | None]:
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
        self._not_before = max(now, self._not_before + self._pace.period_s())
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
