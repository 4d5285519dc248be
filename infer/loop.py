"""Requests the newest frame, runs the detector on it, and publishes the masks."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace

import cv2

from common.ipc.messages import InferenceScheduled, MasksInferred, WorkAssigned
from common.ipc.picture_reader import PictureReader
from common.ipc.streams import MASKS, SCHEDULE, Context, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.metrics.load import LoadReporter
from common.metrics.metrics import metrics
from common.runtime.cores import available_cores
from common.runtime.environment import process_name
from common.runtime.stage_context import StageContext
from common.settings.recording import EVERY
from common.vision.arrays import BgrImage
from infer import every
from infer.detector import open_detector
from infer.detector_protocol import Detector
from infer.inference import Inference
from infer.scheduling import PROCESS_NICE, PriorityController
from infer.settings import CPU, InferSettings
from infer.static_scene import CELLS_WH
from infer.work_requests import POLL_MS, WorkRequests

SKIP_INTERVAL_S = 0.05  # after a frame without a result: every second frame at 30 a second

log = logging.getLogger("onlyme")


def run(settings: InferSettings, stage: StageContext) -> None:
    """Run the detector until told to stop. Raises what the loop for the pace raises."""
    (every.run if settings.pace == EVERY else run_live)(settings, stage)


def run_live(settings: InferSettings, stage: StageContext) -> None:
    """Run the detector on frames until told to stop.

    Raises:
        ModelError, ConfigError, AssetError: The network cannot be opened.
        DeviceError: The device has failed. The worker is restarted on the processor.
    """
    os.nice(PROCESS_NICE)
    cv2.setNumThreads(settings.threads or threads_per_worker(1))  # the first frame tells the number of workers
    # after any restart the processor is used, because a device can end a worker in many ways
    detector = open_detector(replace(settings, device=CPU) if stage.restarts else settings)
    log.info("finds people with %s", detector.model)
    name = f"{process_name('infer')}:{os.getpid()}"
    with open_context() as context:
        stage.each_second.append(LoadReporter("infer", context, settings.call_dir).send)
        work = WorkClient(context, settings, name, least_size(detector), Counters(log))
        masks, inference = connect(context, MASKS, settings.call_dir), Inference(detector)
        priority = PriorityController()
        while not stage.should_stop():
            message, picture = work.next_frame()
            if message is None or picture is None:
                continue
            schedule = work.schedule()
            priority.set(normal=schedule.insists)
            # with a CPU budget one thread is used: more threads are faster, but use more CPU time
            cv2.setNumThreads(settings.threads or (1 if schedule.hz else threads_per_worker(message.workers)))
            begun_ns = time.monotonic_ns()
            found = inference.run(message.frame, picture, schedule)
            if found is None:
                work.skip()
                continue
            result = MasksInferred(
                epoch=message.frame.epoch,
                frame_id=message.frame.frame_id,
                captured_ns=message.frame.captured_ns,
                inference_ns=time.monotonic_ns() - begun_ns,
                worker=name,
                model=found.model,
                instances=found.instances,
                held_ns=found.held_ns,
                cpu_ns=found.cpu_ns,
                detector=found.detector,
            )
            if send(masks, result):
                metrics.count("masks_sent")
            else:
                work.counters.count("masks", "nobody takes them")
    log.info("stopped%s", f"; {work.counters}" if str(work.counters) else "")


def threads_per_worker(workers: int) -> int:
    """Return the number of threads for each worker, so that all workers together do not use more threads than cores."""
    return max(1, available_cores() // max(1, workers))


def least_size(detector: Detector) -> tuple[float, float]:
    """Return the width and height in pixels that a frame must have at least, for the detector and for thumbnails."""
    return max(detector.least_wh[0], CELLS_WH[0]), max(detector.least_wh[1], CELLS_WH[1])


class WorkClient:
    """Request frames from capture, and read them from the ring at the size that is needed.

    Args:
        context: ZeroMQ context of the process.
        settings: Settings of infer.
        name: Name of this worker.
        least_wh: Width and height in pixels that a frame must have at least.
        counters: Counts frames that are skipped.
    """

    def __init__(
        self, context: Context, settings: InferSettings, name: str, least_wh: tuple[float, float], counters: Counters
    ) -> None:
        self._work = WorkRequests(context, settings.call_dir, name, counters)
        self._schedules = connect(context, SCHEDULE, settings.call_dir)
        self._most_hz = settings.max_infer_hz
        # until compose sends one: normal priority, because nothing is shown before the first result
        self._schedule = InferenceScheduled(0.0, True, False, False, 0, 0, round(settings.mask_age_limit_ms))
        self._least_wh = least_wh
        self._pictures = PictureReader("frame", counters)
        self._not_before = 0.0
        self.counters = counters

    def schedule(self) -> InferenceScheduled:
        """Return the newest schedule that compose has sent."""
        if schedules := receive(self._schedules, InferenceScheduled, self.counters):
            self._schedule = schedules[-1]
        return self._schedule

    def next_frame(self) -> tuple[WorkAssigned | None, BgrImage | None]:
        """Wait up to POLL_MS for a frame that no other worker gets.

        Returns:
            Message that describes the frame, and (h, w, 3) uint8 BGR, the frame or a level of its pyramid; None, None if no frame came.
        """
        now = time.monotonic()
        if now < self._not_before:
            time.sleep(min(self._not_before - now, POLL_MS / 1000))
            return None, None
        messages = self._work.wait()
        if not messages:
            return None, None
        self._not_before = max(now, self._not_before + self._period_s())
        message = messages[-1]
        picture = self._pictures.read_reduced(message.frame, self._least_wh)
        return (None, None) if picture is None else (message, picture)

    def skip(self) -> None:
        """Delay the next request, because the last frame needed no result."""
        self._not_before = max(self._not_before, time.monotonic() + SKIP_INTERVAL_S)

    def _period_s(self) -> float:
        """Return the shortest time between two frames in seconds."""
        rates = [hz for hz in (self._most_hz, self._schedule.hz) if hz]
        return 1 / min(rates) if rates else 0.0
