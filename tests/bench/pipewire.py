"""The PipeWire camera with two programs that take pictures, beside a virtual camera that writes the same pictures into a pipe."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage
from display.sinks.pipewire import PipeWireDevice
from tests.bench.table import print_table
from tests.call import processes_with
from tests.pipewire import Consumer, Session, missing_packages, pipewire_session
from tests.processes.neighbours import wait_for
from tests.soak.__main__ import look

SIZE_WH, FPS, SECONDS = (1280, 720), 30, 60
BITS, SIDE = 16, 16  # each picture carries its number: white and black squares in its upper left corner
Pixels = NDArray[np.uint8]


class Arrivals:
    """How old pictures were when they came, by the numbers in them; `ages_ms` has one age a picture."""

    def __init__(self, sent_at: Sequence[float]) -> None:
        self._sent_at, self.ages_ms = sent_at, list[float]()

    def take(self, pixels: Pixels) -> None:
        """Note a picture, I420."""
        now = time.monotonic()
        row = pixels.reshape(-1, SIZE_WH[0])[SIDE // 2, SIDE // 2 : BITS * SIDE : SIDE]
        number = sum(1 << bit for bit in range(BITS) if row[bit] > 127)
        self.ages_ms.append(1000 * (now - self._sent_at[number]))


class TimedConsumer(Consumer):
    """A program that takes pictures from the PipeWire camera, whose ages are noted."""

    def __init__(self, session: Session, arrivals: Arrivals) -> None:
        super().__init__(session, "onlyme", SIZE_WH)
        self._arrivals = arrivals

    def take(self, pixels: Pixels) -> None:
        """See Consumer."""
        self._arrivals.take(pixels)


class PipeDevice:
    """Does what pyvirtualcam does, I420 and one copy into a file, here a pipe that a thread reads."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._read, args=(arrivals,))
        self._thread.start()

    def send(self, frame: BgrImage) -> None:
        """See display.sinks.camera.Device."""
        left = memoryview(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)).cast("B")
        while left:
            left = left[os.write(self._writer, left) :]

    def close(self) -> None:
        """See display.sinks.camera.Device."""
        os.close(self._writer)
        self._thread.join()

    def _read(self, arrivals: Arrivals) -> None:
        with os.fdopen(self._reader, "rb") as pipe:
            while data := pipe.read(SIZE_WH[0] * SIZE_WH[1] * 3 // 2):
                arrivals.take(np.frombuffer(data, np.uint8))


class Player:
    """Sends numbered pictures. `sent_at` says when each was sent, CLOCK_MONOTONIC seconds."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []
        self._picture = np.random.default_rng(0).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), np.uint8)

    def send(self, device: PipeWireDevice | PipeDevice) -> None:
        """Send the next one."""
        for bit in range(BITS):
            self._picture[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 255 * (len(self.sent_at) >> bit & 1)
        self.sent_at.append(time.monotonic())
        device.send(self._picture)

    def play(self, device: PipeWireDevice | PipeDevice) -> float:
        """Send FPS pictures a second; return the CPU of this thread in percent of one core."""
        begun, before = time.monotonic(), time.thread_time()
        for turn in range(FPS * SECONDS):
            time.sleep(max(0.0, begun + turn / FPS - time.monotonic()))
            self.send(device)
        return 100 * (time.thread_time() - before) / (time.monotonic() - begun)


def main() -> None:
    """Print a row a consumer, and one of the virtual camera's stand-in."""
    if lacking := missing_packages():
        print(f"\npipewire: left out, {lacking} is not there")
        return
    player = Player()
    rows = [*_through_pipewire(player), *_through_a_pipe(player)]
    print_table(f"pipewire: {SECONDS} s of 720p at {FPS} a second", rows)


def _through_pipewire(player: Player) -> list[dict[str, object]]:
    with pipewire_session() as session, patch.dict(os.environ, session.environment), ExitStack() as stack:
        device = stack.enter_context(closing(PipeWireDevice(*SIZE_WH, float(FPS), "onlyme")))
        arrivals = [Arrivals(player.sent_at) for _ in range(2)]
        for each in arrivals:
            stack.enter_context(TimedConsumer(session, each))

        def both_begin() -> bool:
            player.send(device)
            time.sleep(1 / FPS)
            return all(each.ages_ms for each in arrivals)

        wait_for("both programs", both_begin)
        for each in arrivals:
            each.ages_ms.clear()
        pids = [pid for pid in processes_with(str(session.folder)) if _name(pid) == "pipewire"]
        before_s = _cpu_s(pids)
        cpu = player.play(device)
        daemon = 100 * (_cpu_s(pids) - before_s) / SECONDS
        return [_row(f"PipeWire, program {n}", each, cpu, daemon) for n, each in enumerate(arrivals, 1)]


def _through_a_pipe(player: Player) -> list[dict[str, object]]:
    arrivals = Arrivals(player.sent_at)
    with closing(PipeDevice(arrivals)) as device:
        cpu = player.play(device)
    return [_row("virtual camera's stand-in", arrivals, cpu, 0.0)]


def _row(what: str, arrivals: Arrivals, cpu: float, daemon: float) -> dict[str, object]:
    p50, p99 = (float(value) for value in np.percentile(arrivals.ages_ms, (50, 99)))
    rate = len(arrivals.ages_ms) / SECONDS
    return {"what": what, "a second": rate, "p50 ms": p50, "p99 ms": p99, "sink CPU %": cpu, "daemon CPU %": daemon}


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it has ended
        return ""


def _cpu_s(pids: Sequence[int]) -> float:
    return sum(sample.cpu_s for sample in map(look, pids) if sample is not None)
