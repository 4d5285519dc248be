"""The real capture and the real compose on a network camera whose plug is pulled."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.ipc.messages import FrameCaptured, FrameComposed, MasksInferred
from common.ipc.records import Instance
from common.ipc.ring import RingCache
from common.ipc.streams import COMPOSITES, FRAME_MESSAGES, FRAMES, MASKS, Socket, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from compose.picture.renderer import CARD_BGR
from tests.capture.camera import NetworkCamera, network_camera
from tests.processes.neighbours import child_of, end, stage, wait_for

PERSON = Instance(0, 0.9, (0.25, 0.25, 0.75, 1.0), 15, 15, bytes([255] * 225))


class Call:
    """capture and compose, both real; the test is the worker, who finds a person in every frame, and the display."""

    def __init__(self, frames: Socket, masks: Socket, composites: Socket, counters: Counters) -> None:
        self._frames, self._masks, self._composites, self._counters = frames, masks, composites, counters
        self._ring = RingCache()
        self.composites: list[FrameComposed] = []
        self.frame_epochs: list[int] = []
        self.card_pixels: set[tuple[int, ...]] = set()

    def turn(self) -> None:
        for fact in receive(self._frames, FRAME_MESSAGES, self._counters):
            if isinstance(fact, FrameCaptured):
                self.frame_epochs.append(fact.frame.epoch)
                time.sleep(0.002)
                send(
                    self._masks,
                    MasksInferred(
                        fact.frame.epoch, fact.frame.frame_id, fact.frame.captured_ns, 1, "w", "m", (PERSON,)
                    ),
                )
        for message in receive(self._composites, FrameComposed, self._counters):
            self.composites.append(message)
            if message.state == "lost":
                shape = (message.frame.height, message.frame.width, 3)
                pixels = self._ring.read(message.frame.segment, message.frame.sequence, shape, None)
                if pixels is not None:
                    self.card_pixels.add(tuple(int(v) for v in pixels[10, 10]))

    def until(self, what: str, where: Callable[[FrameComposed], bool], patience_s: float = 20) -> FrameComposed:
        """The first new composite for which `where` holds."""
        seen = len(self.composites)

        def look() -> FrameComposed | None:
            self.turn()
            return next((c for c in self.composites[seen:] if where(c)), None)

        return wait_for(what, look, patience_s)

    def live(self) -> FrameComposed:
        return self.until("a live picture", lambda c: c.state == "live")


@contextmanager
def call(run_dir: Path, counters: Counters) -> Iterator[tuple[NetworkCamera, Call, list[int]]]:
    open_run_dir(run_dir)
    with (
        open_context() as context,
        network_camera() as camera,
        stage("capture", run_dir, source=camera.address) as capture,
        stage("compose", run_dir, refine="none") as compose,
    ):
        frames, masks, composites = (connect(context, stream, run_dir) for stream in (FRAMES, MASKS, COMPOSITES))
        running = Call(frames, masks, composites, counters)
        running.live()
        yield camera, running, [capture.pid, compose.pid]
        assert end(capture)[0] == 0
        assert end(compose)[0] == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("drop", "stopped delivering"),
        ("stall", "no frame comes from capture"),
        ("still", "delivers the same picture again and again"),
    ],
)
def test_a_camera_that_fails_is_hidden_with_its_reason_and_healed(
    fault: str, reason: str, run_dir: Path, counters: Counters
) -> None:
    with call(run_dir, counters) as (camera, running, pids):
        before = [child_of(pid) for pid in pids]
        epoch = running.frame_epochs[-1]
        camera.mode = fault
        running.until(f"a card that says: {reason}", lambda c: c.state == "lost" and reason in c.reason)
        if fault == "stall":
            running.until("what capture says of it", lambda c: "nothing came for 2 s" in c.reason)
        camera.mode = ""
        healed = running.live()
        assert healed.frame.epoch != epoch
        assert camera.opened >= 2
        assert [child_of(pid) for pid in pids] == before, "nothing was restarted"
        assert running.card_pixels == {CARD_BGR}, "a card holds nothing of the camera"


def test_a_camera_that_stays_away_for_a_while_is_waited_for(run_dir: Path, counters: Counters) -> None:
    with call(run_dir, counters) as (camera, running, _):
        camera.mode = "drop"
        running.until("the loss", lambda c: c.state == "lost")
        camera.mode = "off"
        running.until("the wait", lambda c: c.reason == "the network camera cannot be opened")
        camera.mode = ""
        running.live()


def test_a_capture_restarted_while_its_camera_is_away_waits_for_it(run_dir: Path, counters: Counters) -> None:
    with call(run_dir, counters) as (camera, running, pids):
        camera.mode = "off"
        child = child_of(pids[0])
        assert child is not None
        os.kill(child, signal.SIGKILL)
        running.until("the loss", lambda c: c.reason == "capture has ended")
        wait_for("another child", lambda: child_of(pids[0]) not in (child, None))
        running.until("the wait", lambda c: c.reason == "the network camera cannot be opened")
        camera.mode = ""
        running.live()


def test_a_camera_that_changes_its_size_is_hidden_first(run_dir: Path, counters: Counters) -> None:
    with call(run_dir, counters) as (camera, running, _):
        count = len(running.composites)
        camera.mode, camera.size_wh = "drop", (320, 240)
        running.until("the loss", lambda c: c.state == "lost")
        camera.mode = ""
        running.until("a live picture of the new size", lambda c: c.state == "live" and c.frame.width == 320)
        new = [c for c in running.composites[count:] if c.frame.width == 320]
        assert new[0].state == "hidden"
        assert all(c.mask_age_ms <= 750 for c in new if c.state == "live")


def test_a_run_folder_that_is_removed_is_made_again(run_dir: Path, counters: Counters) -> None:
    """The sockets in it are gone too, so whoever restarts would find nobody."""
    with call(run_dir, counters) as (_, running, _):
        epoch = running.frame_epochs[-1]
        shutil.rmtree(run_dir)
        running.until("a live picture of another capture", lambda c: c.state == "live" and c.frame.epoch != epoch, 60)
        assert all((run_dir / stream.name).is_socket() for stream in (FRAMES, COMPOSITES))
