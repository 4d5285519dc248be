"""A worker that knows the demo scene's exact masks, and can be told to answer whatever a broken one might."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from capture.demo import DemoScene
from common.ipc.codec import encode
from common.ipc.messages import FrameCaptured, MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.ipc.streams import FRAME_MESSAGES, FRAMES, MASKS, connect, open_context, receive
from common.metrics.counters import Counters
from tests.background import Background
from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PATTERNED, PatternedScene
from tests.faults.watch import WatchedCall, watched_call

MAP_SIDE = 256
WIDTH, HEIGHT = 640, 360
SIZE: dict[str, object] = {"width": WIDTH, "height": HEIGHT, "status_every": 0.5}
Answer = Callable[[FrameInfo, MasksInferred], "list[bytes]"]


def instance_of(mask: NDArray[np.bool_], score: float) -> Instance | None:
    """An exact mask (H, W) bool as an instance of class 0, None where nobody is."""
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    if w < 2 or h < 2:
        return None
    size_wh = (min(w, MAP_SIDE), min(h, MAP_SIDE))
    small = cv2.resize(mask[y : y + h, x : x + w].astype(np.uint8) * 255, size_wh, interpolation=cv2.INTER_AREA)
    box = (x / width, y / height, (x + w) / width, (y + h) / height)
    return Instance(0, score, box, size_wh[1], size_wh[0], small.tobytes())


def honest(frame: FrameInfo, result: MasksInferred) -> list[bytes]:
    """What a sound worker answers."""
    return [encode(result)]


def silent(frame: FrameInfo, result: MasksInferred) -> list[bytes]:
    """What one answers that is no more."""
    return []


class ExactWorker(Background):
    """Answers every `every`-th frame of a call that has no worker of its own, through `answer`; never a stream's first,
    which compose would otherwise hear of together with its masks where it is busy.

    Args:
        run_dir: Of the call.
        scenes: What capture may be playing, told apart by its size.
        masks_dir: Where to send the results, if not to that call: another call's run folder.
    """

    def __init__(self, run_dir: Path, *scenes: DemoScene, every: int = 3, masks_dir: Path | None = None) -> None:
        self._run_dir, self._masks_dir, self._every = run_dir, masks_dir or run_dir, every
        self._scenes = {scene.size_wh: scene for scene in scenes}
        super().__init__()
        self.answer: Answer = honest

    def result(self, frame: FrameInfo) -> MasksInferred:
        """The truth about a frame."""
        masks = self._scenes[frame.width, frame.height].masks(frame.source_index)
        found = (instance_of(masks.subject, 0.99), instance_of(masks.bystander, 0.9))
        people = tuple(i for i in found if i is not None)
        return MasksInferred(frame.epoch, frame.frame_id, frame.captured_ns, 1, "exact", "exact masks", people)

    def run(self) -> None:
        """See Background."""
        counters = Counters(logging.getLogger("worker"))
        with open_context() as context:
            frames, masks = connect(context, FRAMES, self._run_dir), connect(context, MASKS, self._masks_dir)
            while not self.stopping.is_set():
                if not frames.poll(50):
                    continue
                got = receive(frames, FRAME_MESSAGES, counters)
                captured = [message.frame for message in got if isinstance(message, FrameCaptured)]
                if captured and captured[-1].frame_id and captured[-1].frame_id % self._every == 0:
                    result = self.result(captured[-1])
                    time.sleep(0.004)  # compose hears of the frame first, as it does of a real worker's
                    for data in self.answer(captured[-1], result):
                        if masks.poll(100, zmq.POLLOUT):
                            masks.send(data)


@contextmanager
def exact_call(
    run_dir: Path, scene: PatternedScene, compose: str = "compose", **settings: object
) -> Iterator[tuple[WatchedCall, ExactWorker]]:
    """A call that plays `scene`, whose only worker is ours."""
    oracle, modules = LeakOracle(scene, masks="exact"), {"capture": PATTERNED, "compose": compose}
    with (
        watched_call({**SIZE, **settings}, run_dir, oracle, workers=0, modules=modules) as call,
        ExactWorker(run_dir, scene) as worker,
    ):
        call.wait_live()
        yield call, worker
