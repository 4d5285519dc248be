"""Drives real inference workers: this process plays capture (frames, work) and compose (masks)."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import zmq

from capture.demo import DemoScene
from capture.loop import FramePublisher, WorkSocket
from capture.sources.source import SourceFrame
from common.ipc.messages import MasksInferred
from common.ipc.streams import MASKS, bind, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.call import environment
from tests.shared import ROOT, SIGNERS


def start_worker(run_dir: Path, settings: dict[str, object]) -> subprocess.Popen[bytes]:
    """One `python -m infer`."""
    env = environment(settings, run_dir)
    return subprocess.Popen([sys.executable, "-m", "infer"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)


def collect(
    count: int, run_dir: Path, settings: dict[str, object], seconds: float, is_still: bool = False
) -> list[MasksInferred]:
    """All results of `count` workers within `seconds`, counted from when each has delivered one, in front of a picture
    that moves all the time or never."""
    stills = sorted((SIGNERS / "reference/again/frames").glob("*.jpg"))
    picture = np.asarray(cv2.imread(str(stills[0])), np.uint8) if stills else DemoScene(640, 480, 30).frame(0)
    counters = Counters(logging.getLogger("test"))
    open_run_dir(run_dir)
    with open_context() as context, FramePublisher(context, run_dir) as frames:
        workers, masks = WorkSocket(context, run_dir, counters), bind(context, MASKS, run_dir)
        poller = zmq.Poller()
        poller.register(workers.socket, zmq.POLLIN)
        poller.register(masks, zmq.POLLIN)
        processes = [start_worker(run_dir, settings) for _ in range(count)]
        seen: set[str] = set()
        results: list[MasksInferred] = []
        number, limit = 0, time.monotonic() + 40
        deadline: float | None = None
        try:
            while time.monotonic() < (deadline or limit):
                moved = picture if is_still else np.roll(picture, 8 * number, axis=1)
                workers.set_newest(frames.publish(SourceFrame(moved, number, time.monotonic_ns())))
                workers.serve(time.monotonic_ns())
                number += 1
                until = time.monotonic() + 1 / 60
                while (left := until - time.monotonic()) > 0:
                    poller.poll(int(left * 1e3))
                    workers.serve(time.monotonic_ns())
                    found = receive(masks, MasksInferred, counters)
                    seen |= {m.worker for m in found}
                    if deadline is not None:
                        results += found
                if deadline is None and len(seen) == count:
                    deadline = time.monotonic() + seconds
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(5)
    if deadline is None:
        raise TimeoutError(f"only {len(seen)} of {count} workers delivered")
    return results


def masks_a_second(count: int, run_dir: Path, model: Path, seconds: float) -> float:
    """Rate of `count` workers with one thread each."""
    return len(collect(count, run_dir, {"mask_rcnn": model, "threads": 1}, seconds)) / seconds
