from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq

from common.ipc.codec import encode
from common.ipc.messages import WorkAssigned
from common.ipc.records import DetectorKind, FrameInfo, Instance
from common.ipc.ring import RingWriter
from common.ipc.streams import FRAMES, WORK, bind, open_context
from common.metrics.counters import Counters
from common.runtime.heartbeat import Heartbeat
from common.runtime.run_dir import open_run_dir
from common.runtime.stage_context import StageContext
from common.settings.recording import EVERY
from common.vision.arrays import BgrImage
from infer import every, loop
from infer.every import LookClient, look_at
from infer.settings import InferSettings
from tests.processes.neighbours import wait_for

PERSON = Instance(0, 0.9, (0.1, 0.2, 0.5, 0.9), 15, 15, bytes(225))
SHAPE = (96, 128, 3)


class FakeDetector:
    model, kind, least_wh = "a fake", DetectorKind.EMBEDDED, (64.0, 48.0)

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        return (PERSON,) if picture.any() else ()


def frame(number: int, segment: str = "s") -> FrameInfo:
    return FrameInfo(5, number, 1000 + number, number, segment, number, SHAPE[0], SHAPE[1])


def test_a_result_says_what_was_found_in_which_frame() -> None:
    result = look_at(frame(3), np.ones(SHAPE, np.uint8), FakeDetector(), "w")
    assert (result.epoch, result.frame_id, result.captured_ns, result.held_ns) == (5, 3, 1003, 0)
    assert (result.instances, result.model, result.worker) == ((PERSON,), "a fake", "w")
    assert look_at(frame(4), np.zeros(SHAPE, np.uint8), FakeDetector(), "w").instances == ()


def test_every_look_that_is_given_is_made_though_two_come_at_once(run_dir: Path, counters: Counters) -> None:
    """A worker asks again every half a second, also where a look is on its way: the second look was not made for 5 s."""
    open_run_dir(run_dir)
    with open_context() as context, RingWriter(FRAMES.name, SHAPE, 8, 5) as ring:
        work = bind(context, WORK, run_dir)
        client = LookClient(context, InferSettings(run_dir=run_dir), "w", FakeDetector.least_wh, counters)
        for number in range(3):
            ring.claim()[:] = number
            ring.publish()
        wait_for("a request", lambda: client.next() == (None, None) and work.poll(0))
        worker, _ = work.recv_multipart()
        for number in (0, 2):
            work.send_multipart([worker, encode(WorkAssigned(frame(number, ring.name), 1))], zmq.NOBLOCK)
        made: list[tuple[int, int]] = []

        def turn() -> bool:
            info, picture = client.next()
            if info is not None and picture is not None:
                made.append((info.frame_id, int(picture[0, 0, 0])))
            return len(made) == 2

        wait_for("both looks", turn)
        assert made == [(0, 0), (2, 2)]


@pytest.mark.parametrize(("device", "used"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
@pytest.mark.parametrize("restarts", [0, 1])
def test_every_worker_finds_the_same(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, device: str, used: str, restarts: int
) -> None:
    opened: list[tuple[str, int, int]] = []

    def open_detector(settings: InferSettings) -> FakeDetector:
        opened.append((settings.device, settings.threads, cv2.getNumThreads()))
        return FakeDetector()

    monkeypatch.setattr(every, "open_detector", open_detector)
    monkeypatch.setattr("os.nice", lambda _: 0)
    open_run_dir(run_dir)
    stage = StageContext(Heartbeat(logging.INFO), [], restarts)
    stage.request_stop()
    loop.run(InferSettings(run_dir=run_dir, pace=EVERY, device=device, threads=4), stage)
    assert opened == [(used, 1, 1)], "one thread, and the device of the first worker also after a restart"
