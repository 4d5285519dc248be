"""Looks for people in the frames of a recording that capture gives it: nothing else, so that every worker finds the same."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from dataclasses import replace

import cv2
import zmq

from common.ipc.messages import MasksInferred
from common.ipc.picture_reader import PictureReader
from common.ipc.records import FrameInfo
from common.ipc.streams import MASKS, Context, connect, open_context, send
from common.metrics.counters import Counters
from common.metrics.metrics import metrics
from common.runtime.environment import process_name
from common.runtime.stage_context import StageContext
from common.vision.arrays import BgrImage
from infer.detector import open_detector
from infer.detector_protocol import Detector
from infer.scheduling import PROCESS_NICE
from infer.settings import AUTO, CPU, InferSettings
from infer.work_requests import POLL_MS, WorkRequests

log = logging.getLogger("onlyme")


def run(settings: InferSettings, stage: StageContext) -> None:
    """Run the detector on looks until told to stop.

    It uses one thread, and the device that is named or the processor: results are the same, to the bit, whichever worker of however
    many makes them. A worker that was restarted goes on, because capture gives a look again that was lost.

    Raises:
        ModelError, ConfigError, AssetError: The network cannot be opened.
        DeviceError: The device has failed.
    """
    os.nice(PROCESS_NICE)
    cv2.setNumThreads(1)
    detector = open_detector(replace(settings, device=CPU if settings.device == AUTO else settings.device, threads=1))
    log.info("finds people with %s", detector.model)
    name, counters = f"{process_name('infer')}:{os.getpid()}", Counters(log)
    with open_context() as context:
        looks = LookClient(context, settings, name, detector.least_wh, counters)
        masks = connect(context, MASKS, settings.call_dir)
        while not stage.should_stop():
            frame, picture = looks.next()
            if frame is None or picture is None:
                continue
            result = look_at(frame, picture, detector, name)
            while not send(masks, result) and not stage.should_stop():
                masks.poll(POLL_MS, zmq.POLLOUT)
            metrics.count("masks_sent")
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def look_at(frame: FrameInfo, picture: BgrImage, detector: Detector, worker: str) -> MasksInferred:
    """Return what a detector finds in a frame.

    Args:
        frame: Describes it.
        picture: (h, w, 3) uint8 BGR, the frame or a level of its pyramid.
        detector: Finds people.
        worker: Name of this worker.
    """
    begun, spent_s = time.monotonic(), time.process_time()
    instances = detector.detect(picture)
    took_s, cpu_s = time.monotonic() - begun, time.process_time() - spent_s
    metrics.observe("inference_seconds", took_s)
    return MasksInferred(
        epoch=frame.epoch,
        frame_id=frame.frame_id,
        captured_ns=frame.captured_ns,
        inference_ns=round(1e9 * took_s),
        worker=worker,
        model=detector.model,
        instances=instances,
        cpu_ns=round(1e9 * cpu_s),
        detector=detector.kind,
    )


class LookClient:
    """Request looks from capture, and read them from the ring at the size that the detector needs.

    Args:
        context: ZeroMQ context of the process.
        settings: Settings of infer.
        name: Name of this worker.
        least_wh: Width and height in pixels that a frame must have at least.
        counters: Count looks whose pixels are not there any more: another worker was given them too.
    """

    def __init__(
        self, context: Context, settings: InferSettings, name: str, least_wh: tuple[float, float], counters: Counters
    ) -> None:
        self._work, self._least_wh = WorkRequests(context, settings.call_dir, name, counters), least_wh
        self._pictures = PictureReader("look", counters)
        self._given: deque[FrameInfo] = deque()

    def next(self) -> tuple[FrameInfo | None, BgrImage | None]:
        """Wait up to POLL_MS for a look. Return the frame and (h, w, 3) uint8 BGR, it or a level of its pyramid; or None, None."""
        if not self._given:
            self._given.extend(message.frame for message in self._work.wait())
        if not self._given:
            return None, None
        frame = self._given.popleft()
        picture = self._pictures.read_reduced(frame, self._least_wh)
        return (None, None) if picture is None else (frame, picture)
