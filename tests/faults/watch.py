"""A display that judges every composite as it comes, and a call with such a display."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from common.counters import Counters
from common.errors import RingGoneError
from common.messages import FrameComposed
from common.ring import RingCache
from common.run_dir import open_run_dir
from common.streams import COMPOSITES, connect, open_context, receive
from tests.background import Background
from tests.call import Stage, stages, start_call
from tests.faults.oracle import BOUND, LeakOracle
from tests.processes.neighbours import wait_for

T = TypeVar("T")


SKETCH_WH = (64, 36)


class Seen(NamedTuple):
    """One judged composite, and a sketch of it to know it again by."""

    message: FrameComposed
    leak: float
    sketch: NDArray[np.uint8]

    @property
    def at(self) -> float:
        """When it was composed, CLOCK_MONOTONIC seconds."""
        return self.message.composed_ns / 1e9

    @property
    def hides(self) -> bool:
        """True where it claims to show nobody."""
        return self.message.state in ("starting", "hidden", "lost")


def sketch_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 BGR, small and in grey: (36, 64) uint8."""
    small = cv2.resize(picture, SKETCH_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


class Watch(Background):
    """Reads and judges every composite of a call in a thread of its own."""

    def __init__(self, run_dir: Path, *oracles: LeakOracle) -> None:
        self.seen: list[Seen] = []
        self.unjudged = 0
        self._run_dir = run_dir
        self._oracles = {oracle.size_wh: oracle for oracle in oracles}
        super().__init__()

    def leaks(self) -> list[Seen]:
        """Composites over the bound, other than those that were asked for by turning privacy off."""
        return [s for s in self.seen if s.message.privacy and s.leak > BOUND]

    def live(self, since: float = 0.0) -> Seen | None:
        """The first live composite after `since`."""
        return next((s for s in self.seen if s.at > since and s.message.state == "live"), None)

    def hidden(self, since: float = 0.0) -> Seen | None:
        """The first composite after `since` that shows nobody."""
        return next((s for s in self.seen if s.at > since and s.hides), None)

    def run(self) -> None:
        """See Background."""
        ring, counters = RingCache(), Counters(logging.getLogger("watch"))
        last: FrameComposed | None = None
        with open_context() as context:
            socket = connect(context, COMPOSITES, self._run_dir)
            while not self.stopping.is_set():
                socket.poll(50)
                for message in receive(socket, FrameComposed, counters):
                    if last is not None and last.segment == message.segment:
                        self.unjudged += message.sequence - last.sequence - 1
                    last = message
                    try:
                        picture = ring.read(message.segment, message.sequence, (message.height, message.width, 3), None)
                    except RingGoneError:
                        picture = None
                    if picture is None:
                        self.unjudged += 1
                    else:
                        oracle = self._oracles[message.width, message.height]
                        self.seen.append(Seen(message, oracle.leak(picture, message), sketch_of(picture)))
        ring.close()


class WatchedCall(NamedTuple):
    """A running call, its judge, and what it says: (CLOCK_MONOTONIC seconds, line)."""

    process: subprocess.Popen[str]
    watch: Watch
    said: list[tuple[float, str]]
    run_dir: Path

    def stages(self) -> dict[str, Stage]:
        """Its processes."""
        return stages(self.run_dir)

    def wait_live(self, since: float = 0.0, patience_s: float = 40.0) -> Seen:
        """The first live composite after `since`."""
        return self.wait("a live picture", lambda: self.watch.live(since), patience_s)

    def wait_hidden(self, since: float, patience_s: float = 10.0) -> Seen:
        """The first composite after `since` that shows nobody."""
        return self.wait("a hidden picture", lambda: self.watch.hidden(since), patience_s)

    def wait(self, what: str, look: Callable[[], T | None], patience_s: float = 20.0) -> T:
        """`wait_for`, with what the call said where it fails."""
        try:
            return wait_for(what, look, patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(line for _, line in self.said[-30:])) from None

    def saying(self, text: str, since: float = 0.0) -> list[float]:
        """When lines that hold `text` came."""
        return [at for at, line in list(self.said) if at > since and text in line]


@contextmanager
def watched_call(
    settings: Mapping[str, object],
    run_dir: Path,
    oracle: LeakOracle,
    workers: int = 1,
    procfile: Path | str = "Procfile",
) -> Iterator[WatchedCall]:
    """`honcho start` on the demo scene, every composite judged."""
    open_run_dir(run_dir)
    said: list[tuple[float, str]] = []
    with (
        Watch(run_dir, oracle) as watch,
        start_call({"source": "demo", "sink": "headless", **settings}, run_dir, workers, procfile=procfile) as process,
    ):

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                said.append((time.monotonic(), line.rstrip()))

        listener = threading.Thread(target=listen, name="listen")
        listener.start()
        try:
            yield WatchedCall(process, watch, said, run_dir)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(8)
                except subprocess.TimeoutExpired:
                    process.kill()
            listener.join()
            if process.stdout is not None:
                process.stdout.close()


def nothing_leaked(watch: Watch) -> bool:
    worst = max(watch.seen, key=lambda s: s.leak if s.message.privacy else 0.0)
    print(f"{len(watch.seen)} composites, {watch.unjudged} unjudged, worst {worst.leak:.2f} of 28")
    assert not watch.leaks(), [(s.message, s.leak) for s in watch.leaks()[:3]]
    return True
