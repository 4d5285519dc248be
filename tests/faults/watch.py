"""A display that judges every composite of a call, and a call with such a display."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import cv2
import numpy as np

from common.errors import RingGoneError
from common.ipc.messages import FrameComposed
from common.ipc.ring import RingCache
from common.ipc.streams import COMPOSITES, connect, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.background import Background
from tests.call import Stage, procfile_of, stages, start_call
from tests.faults.detail import Picture, grey_of
from tests.faults.oracle import BOUND, Leak, LeakOracle
from tests.processes.neighbours import wait_for

T = TypeVar("T")


SKETCH_WH = (64, 36)
WAITING_BYTES = 1 << 30  # of composites that wait for the judge, in grey: 38 seconds at 720p
MAY_BE_UNJUDGED = 0.05  # of all composites; where more were not judged, and more than FEW, nothing is proved
FEW = 10  # composites, a third of a second: of a short call too, whose first are composed while the watch connects


@dataclass(frozen=True, slots=True)
class Heard:
    """What compose said of one composite."""

    message: FrameComposed

    @property
    def at(self) -> float:
        """When it was composed, CLOCK_MONOTONIC seconds."""
        return self.message.composed_ns / 1e9

    @property
    def hides(self) -> bool:
        """True where it claims to show nobody."""
        return self.message.state in ("starting", "hidden", "lost")


@dataclass(frozen=True, slots=True)
class Seen(Heard):
    """One judged composite, and a sketch of it to know it again by."""

    worst: Leak
    sketch: Picture

    @property
    def leak(self) -> float:
        """How many times the bound, see LeakOracle."""
        return self.worst.times


def sketch_of(grey: Picture) -> Picture:
    """(H, W) uint8, small: (36, 64) uint8."""
    return np.asarray(cv2.resize(grey, SKETCH_WH, interpolation=cv2.INTER_AREA), np.uint8)


class _Waiting(NamedTuple):
    """A composite that is to be judged: in grey, (H, W) uint8; or a card, which is judged as it comes."""

    message: FrameComposed
    grey: Picture
    card: Leak | None


class Watch(Background):
    """Reads every composite of a call in a thread of its own, and judges it in another.

    So a call on a busy machine does not lap the reader while the judge is at work. Composites that were not judged are
    counted: those that this never heard of, that were lapped, or that found too many waiting.

    heard: Every composite that was heard of, at once: the judge may be seconds behind.
    seen: Every one that was judged.
    """

    def __init__(self, run_dir: Path, *oracles: LeakOracle) -> None:
        self.heard: list[Heard] = []
        self.seen: list[Seen] = []
        self.unjudged = 0
        self.since = (0, 0)  # how many were judged, and how many were not, before the test that is running
        self._run_dir = run_dir
        self._waiting: deque[_Waiting] = deque()
        self._oracles = {oracle.size_wh: oracle for oracle in oracles}
        self._judge = _Judge(self._oracles, self._waiting, self.seen)
        super().__init__()

    def __enter__(self) -> Self:
        self._judge.__enter__()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._judge.__exit__(kind, error, trace)
        self.unjudged += len(self._waiting)  # the judge has failed

    @property
    def unjudged_share(self) -> float:
        """Of all composites, 0..1."""
        return self.unjudged / max(1, self.unjudged + len(self.seen))

    def leaks(self) -> list[Seen]:
        """Composites over the bound, other than those that were asked for by turning privacy off."""
        return [s for s in self.seen if s.message.privacy and s.leak > BOUND]

    def between(self, begin: float, end: float) -> list[Seen]:
        """What was composed in between, CLOCK_MONOTONIC seconds. Whole only after the call: judging may take longer."""
        return [s for s in self.seen if begin < s.at <= end]

    def live(self, since: float = 0.0) -> Heard | None:
        """The first live composite after `since`."""
        return next((h for h in self.heard if h.at > since and h.message.state == "live"), None)

    def hidden(self, since: float = 0.0) -> Heard | None:
        """The first composite after `since` that shows nobody."""
        return next((h for h in self.heard if h.at > since and h.hides), None)

    def run(self) -> None:
        """See Background."""
        ring, counters = RingCache(), Counters(logging.getLogger("watch"))
        segment, sequence = "", -1
        with open_context() as context:
            socket = connect(context, COMPOSITES, self._run_dir)
            while not self.stopping.is_set():
                socket.poll(50)
                for message in receive(socket, FrameComposed, counters):
                    # a new ring begins with 0: what came before this watch heard of it was not judged either
                    self.unjudged += message.frame.sequence - (sequence if message.frame.segment == segment else -1) - 1
                    segment, sequence = message.frame.segment, message.frame.sequence
                    self.heard.append(Heard(message))
                    shape = (message.frame.height, message.frame.width, 3)
                    try:
                        picture = ring.read(segment, sequence, shape, None)
                    except RingGoneError:
                        picture = None
                    if (
                        picture is None
                        or (1 + len(self._waiting)) * message.frame.height * message.frame.width > WAITING_BYTES
                    ):
                        self.unjudged += 1
                        continue
                    oracle = self._oracles[message.frame.width, message.frame.height]
                    card = oracle.judge_card(picture, message) if message.state == "lost" else None
                    self._waiting.append(_Waiting(message, grey_of(picture), card))
        ring.close()


class _Judge(Background):
    """Takes composites from `waiting`, and adds to `seen` what it thinks of them, until told to stop and none is left."""

    def __init__(
        self,
        oracles: Mapping[tuple[int, int], LeakOracle],
        waiting: deque[_Waiting],
        seen: list[Seen],
    ) -> None:
        super().__init__()
        self._oracles, self._waiting, self._seen = oracles, waiting, seen

    def run(self) -> None:
        """See Background."""
        while True:
            ending = self.stopping.is_set()
            while self._waiting:
                message, grey, card = self._waiting[0]
                oracle = self._oracles[message.frame.width, message.frame.height]
                worst = oracle.judge_grey(grey, message) if card is None else card
                self._seen.append(Seen(message, worst, sketch_of(grey)))
                self._waiting.popleft()
            if ending:
                return
            self.stopping.wait(0.005)


class WatchedCall(NamedTuple):
    """A running call, its judge, and what it says: (CLOCK_MONOTONIC seconds, line)."""

    process: subprocess.Popen[str]
    watch: Watch
    said: list[tuple[float, str]]
    run_dir: Path

    def stages(self) -> dict[str, Stage]:
        """Its processes."""
        return stages(self.run_dir)

    def wait_live(self, since: float = 0.0, patience_s: float = 40.0) -> Heard:
        """The first live composite after `since`."""
        return self.wait("a live picture", lambda: self.watch.live(since), patience_s)

    def wait_hidden(self, since: float, patience_s: float = 10.0) -> Heard:
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
    modules: Mapping[str, str] | None = None,
) -> Iterator[WatchedCall]:
    """`honcho start` on the demo scene, every composite judged; see `procfile_of` for `modules`."""
    open_run_dir(run_dir)
    procfile = procfile_of(run_dir, modules or {})
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
    """Judge what came out since `watch.since`, where tests share a call."""
    first, unjudged_before = watch.since
    seen, unjudged = watch.seen[first:], watch.unjudged - unjudged_before
    judged = [s for s in seen if s.message.privacy]
    assert judged, "no composite was judged"
    worst = max(judged, key=lambda s: s.leak)
    print(
        f"{len(seen)} composites judged, {unjudged} not; the worst keeps {worst.leak:.2f} of the bound: "
        f"{worst.worst} in a picture that is {worst.message.state}"
    )
    leaks = [s for s in judged if s.leak > BOUND]
    assert not leaks, [(s.message, s.worst) for s in leaks[:3]]
    assert unjudged <= FEW or unjudged / (unjudged + len(seen)) <= MAY_BE_UNJUDGED
    return True
