"""What each real stage does when the machine has slept; the test plays its neighbours."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import zmq

from common.ipc.messages import CommandIssued, FrameCaptured, FrameComposed, SourceIdle, SourceLost, SourceNotice
from common.ipc.records import FrameInfo, SetPrivacy
from common.ipc.ring import RingWriter, new_epoch
from common.ipc.streams import COMPOSITES, FRAME_MESSAGES, FRAMES, bind, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.processes.test_compose import composing, is_hidden

SLEPT = "the computer was asleep"
SHAPE = (90, 160, 3)


def sleep(process: subprocess.Popen[str]) -> None:
    """Put the machine of one stage to sleep and wake it."""
    child = child_of(process.pid)
    assert child is not None
    os.kill(child, signal.SIGUSR1)


def test_compose_closes_and_forgets_everything(run_dir: Path, counters: Counters) -> None:
    with composing(run_dir, counters, program="tests.faults.sleeper compose") as compose:
        before, _ = compose.until_live()
        compose.ask(SetPrivacy(False))
        compose.composite(lambda m: m.state == "off")
        old = compose.publish()
        old_command = CommandIssued(old.epoch, time.monotonic_ns(), SetPrivacy(False))
        sleep(compose.process)
        seen: list[FrameComposed] = []

        def look() -> bool:
            got = compose.step()
            seen.extend([got[0]] if got else [])
            if seen and seen[-1].privacy and seen[-1].state != "lost":
                assert got is not None and is_hidden(got[1])
                return True
            return False

        wait_for("privacy", look)
        compose.found(old)  # a result for a frame of before
        wait_for("compose's door", lambda: send(compose.control, old_command))
        for _ in range(10):
            message, pixels = compose.composite()
            assert (message.frame.epoch, message.privacy, message.state) == (before.frame.epoch, True, "hidden")
            assert is_hidden(pixels)
        compose.until_live()
        assert compose.composite()[0].privacy


def test_capture_opens_its_source_anew(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    demo = {"source": "demo", "width": 320, "height": 180}
    with open_context() as context, stage("tests.faults.sleeper capture", run_dir, **demo) as process:
        socket = connect(context, FRAMES, run_dir)
        first = wait_for("frames", lambda: receive(socket, FrameCaptured, counters))[0]
        sleep(process)
        facts: list[FrameCaptured | SourceNotice | SourceLost | SourceIdle] = []

        def look() -> bool:
            facts.extend(receive(socket, FRAME_MESSAGES, counters))
            epochs = [fact.frame.epoch for fact in facts if isinstance(fact, FrameCaptured)]
            return bool(epochs) and epochs[-1] != first.frame.epoch

        wait_for("another epoch", look)
        assert [fact for fact in facts if isinstance(fact, SourceLost)] == [SourceLost(SLEPT)]
        assert end(process)[0] == 0


def test_display_takes_the_picture_away_and_shows_none_of_before(run_dir: Path) -> None:
    open_run_dir(run_dir)
    with (
        open_context() as context,
        RingWriter("composites", SHAPE, 4, new_epoch()) as ring,
        stage("tests.faults.sleeper display", run_dir, sink="headless", status_every=0.2) as process,
    ):
        socket = bind(context, replace(COMPOSITES, binds=zmq.XPUB), run_dir)
        wait_for("the display's subscription", lambda: socket.poll(0))
        said = Said(process)

        def show(frame_id: int, captured_ns: int, reason: str) -> None:
            ring.claim()[:] = np.uint8(frame_id)
            now_ns = time.monotonic_ns()
            message = FrameComposed(
                FrameInfo(5, frame_id, captured_ns, 0, ring.name, ring.publish(), *SHAPE[:2]),
                now_ns,
                "hidden",
                reason,
                -1.0,
                True,
                "",
            )
            assert send(socket, message)

        before_ns = time.monotonic_ns()
        show(1, before_ns, "")
        wait_for("a picture", lambda: said.holds("first composite"))
        sleep(process)
        wait_for("no picture", lambda: said.holds(SLEPT))
        show(2, before_ns + 1, "of before the sleep")
        wait_for("the loss", lambda: said.holds("composite dropped, of before the sleep"))
        show(3, time.monotonic_ns(), "of after the sleep")
        wait_for("a picture of now", lambda: said.holds("hidden: of after the sleep"))
        assert not said.holds("hidden: of before the sleep")


class Said:
    """What a process has said so far, without waiting for it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self._file = process.stderr.fileno()
        self._text = b""

    def holds(self, text: str) -> bool:
        """Whether it said this."""
        if select.select([self._file], [], [], 0)[0]:
            self._text += os.read(self._file, 65536)
        return text.encode() in self._text
