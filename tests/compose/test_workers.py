"""What compose tells the workers over the stream `schedule`, and what it hears over the stream `loads`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.ipc.messages import InferenceScheduled, LoadReported, MasksInferred
from common.ipc.streams import LOADS, SCHEDULE, Socket, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.metrics.metrics import Meter
from common.runtime.run_dir import open_run_dir
from common.settings.detection import MASK_AGE_MS
from compose import workers as module
from compose.governor import MAX_MATTE_EVERY
from compose.picture.matte_edge import MattePace
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker
from compose.workers import ASK_AGAIN_NS, Workers
from tests.processes.neighbours import wait_for

LOOK_NS = 100_000_000


class Seen(Tracker):
    """A tracker that says what a test wants it to say."""

    def __init__(self) -> None:
        super().__init__(ComposeSettings(), None)
        self.wants = False

    @property
    def wants_inference(self) -> bool:
        return self.wants


class Scene:
    """Compose's end of the two streams, a worker's and another process's."""

    def __init__(self, workers: Workers, looks: Socket, loads: Socket, pace: MattePace, counters: Counters) -> None:
        self.workers, self.pace, self.tracker = workers, pace, Seen()
        self._looks, self._loads, self._counters = looks, loads, counters

    def say(self, process: str, cores: float) -> None:
        wait_for("compose", lambda: send(self._loads, LoadReported(process, cores)))

    def tell(
        self, skipped: int = 0, *, news: bool = False, has_mask: bool = True, state: State = State.LIVE
    ) -> list[InferenceScheduled]:
        """What a worker hears of one turn; `news`: in which something is said in any case."""
        self.tracker.looked_ns += news
        self.workers.send_schedule(self.tracker, skipped, Decision(state, "", 10.0 if has_mask else -1.0))
        self._looks.poll(50)
        return receive(self._looks, InferenceScheduled, self._counters)

    def looked(self, took_ns: int = LOOK_NS) -> None:
        self.workers.record_inference(MasksInferred(1, 1, 1, took_ns, "w", "m", cpu_ns=took_ns))


@contextmanager
def playing(run_dir: Path, counters: Counters, cpu: float = 0.0) -> Iterator[Scene]:
    open_run_dir(run_dir)
    pace = MattePace()
    with open_context() as context:
        looks = connect(context, SCHEDULE, run_dir)
        workers = Workers(ComposeSettings(run_dir=run_dir, cpu=cpu), context, counters, pace)
        scene = Scene(workers, looks, connect(context, LOADS, run_dir), pace, counters)
        wait_for("the worker", lambda: scene.tell(news=True))
        yield scene


def test_what_is_wanted_is_said_when_it_is_news(run_dir: Path, counters: Counters) -> None:
    with playing(run_dir, counters) as scene:
        assert scene.tell() == []
        scene.tracker.looked_ns = 77
        assert scene.tell() == [InferenceScheduled(0.0, True, False, False, 0, 77, MASK_AGE_MS)]
        for _ in range(3):
            scene.looked()
        assert scene.tell() == [InferenceScheduled(0.0, False, False, False, 0, 77, MASK_AGE_MS)], (
            "fed workers are courteous"
        )


def test_one_inference_is_asked_for_until_it_has_been_made(run_dir: Path, counters: Counters) -> None:
    with playing(run_dir, counters) as scene:
        scene.tracker.wants, scene.tracker.seen_ns = True, ASK_AGAIN_NS
        assert [said.since_ns for said in scene.tell()] == [ASK_AGAIN_NS]
        scene.tracker.seen_ns = 3 * ASK_AGAIN_NS
        assert scene.tell() == [], "not answered yet"
        scene.tracker.looked_ns = ASK_AGAIN_NS
        assert [said.since_ns for said in scene.tell()] == [3 * ASK_AGAIN_NS], "answered, but it is wanted still"
        scene.tracker.looked_ns, scene.tracker.seen_ns = 3 * ASK_AGAIN_NS, 3 * ASK_AGAIN_NS + 1
        assert [said.since_ns for said in scene.tell()] == [3 * ASK_AGAIN_NS], "not so soon again"
        scene.tracker.wants, scene.tracker.seen_ns = False, 5 * ASK_AGAIN_NS
        assert scene.tell() == []


def test_after_a_loss_a_look_is_asked_for_whatever_was_asked_before(run_dir: Path, counters: Counters) -> None:
    with playing(run_dir, counters) as scene:
        scene.tracker.wants, scene.tracker.seen_ns = True, ASK_AGAIN_NS
        scene.tell()
        scene.tracker.wants, scene.tracker.looked_ns, scene.tracker.seen_ns = False, 0, 2 * ASK_AGAIN_NS
        assert [said.since_ns for said in scene.tell(has_mask=False)] == [2 * ASK_AGAIN_NS]


def test_the_instance_view_wants_things_too(run_dir: Path, counters: Counters) -> None:
    with playing(run_dir, counters) as scene:
        assert [said.things for said in scene.tell(state=State.INSTANCES)] == [True]
        assert [said.things for said in scene.tell()] == [False]


@pytest.mark.parametrize(("capture", "workers", "hz"), [(0.2, 1, 7000), (0.6, 1, 3000), (0.2, 2, 3500)])
def test_a_budget_is_shared_by_what_the_processes_say(
    capture: float, workers: int, hz: int, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one core, of which compose uses a tenth; a look costs next to nothing, which counts as a ten-thousandth."""
    monkeypatch.setattr(module, "UPDATE_EVERY_S", 0.0)
    monkeypatch.setattr(Meter, "cores", lambda meter: 0.1)
    with playing(run_dir, Counters(logging.getLogger("test")), cpu=100) as scene:
        heard: list[float] = []

        def is_shared() -> bool:
            scene.say("capture.1:1", capture)
            for number in range(workers):
                scene.say(f"infer.{number}:{number}", 0.0)
            scene.looked(1000)
            heard.extend(said.hz for said in scene.tell())
            return len(heard) >= 10 and heard[-10:] == pytest.approx([hz] * 10, rel=0.05)

        wait_for("the share", is_shared)


def test_frames_that_compose_skips_make_the_matte_rarer(
    run_dir: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UPDATE_EVERY_S", 0.0)
    with playing(run_dir, counters) as scene:
        for turn in range(8):
            scene.tell(skipped=3 * turn)
        assert scene.pace.every == MAX_MATTE_EVERY
        for _ in range(20):
            scene.tell(skipped=3 * turn)
        assert scene.pace.every == 1
