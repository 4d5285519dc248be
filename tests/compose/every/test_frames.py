"""The test plays capture and a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import RestartError
from common.ipc.messages import FrameCaptured, MasksInferred, RecordingEnded
from common.ipc.records import FrameInfo
from common.ipc.ring import RingWriter
from common.ipc.streams import FRAMES, FRAMES_WANTED, MASKS, bind, connect, open_context, send
from common.metrics.counters import Counters
from common.redaction.results import ResultsFile
from common.runtime.run_dir import open_run_dir
from common.vision.pyramid import ImagePyramid
from compose.every.frames import Recorded, RecordedFrames
from compose.every.judge import Judge, Judged
from compose.every.judgement import Judgement
from compose.every.judging import JudgedFrames
from compose.picture.alpha import EMPTY
from compose.policy import Decision, State
from tests.processes.neighbours import wait_for

SHAPE = (48, 64, 3)


class Played:
    """Capture and a worker, beside the frames that compose receives."""

    def __init__(self, run_dir: Path, counters: Counters, kept: ResultsFile | None) -> None:
        self._context = open_context()
        context = self._context.__enter__()
        self.ring = RingWriter(FRAMES.name, SHAPE, 8, 5)
        self._frames, self._wanted = bind(context, FRAMES, run_dir), bind(context, FRAMES_WANTED, run_dir)
        self.counters, self._has_ended = counters, False
        self.received = RecordedFrames(context, run_dir, kept, counters)
        self._masks = connect(context, MASKS, run_dir)
        wait_for("compose", self._is_heard)

    def _is_heard(self) -> bool:
        self.received.receive()
        return bool(self._wanted.poll(0))

    def close(self) -> None:
        self.end_capture()
        self._context.__exit__(None, None, None)

    def end_capture(self) -> None:
        if not self._has_ended:
            self.ring.close()
        self._has_ended = True

    def publish(self, number: int, *, is_look: bool) -> FrameInfo:
        self.ring.claim()[:] = number
        sequence = self.ring.publish()
        frame = FrameInfo(5, number, 1000 + number, number, self.ring.name, sequence, SHAPE[0], SHAPE[1])
        self.say(FrameCaptured(frame, is_look))
        return frame

    def say(self, message: FrameCaptured | RecordingEnded) -> None:
        send(self._frames, message)

    def find(self, number: int, **changed: Any) -> None:
        result = replace(MasksInferred(5, number, 1000 + number, 7, "w", "m"), **changed)
        wait_for("the worker's door", lambda: send(self._masks, result))

    def ready(self) -> None:
        """Wait until the next frame can be taken."""

        def look() -> bool:
            self.received.receive()
            return self.received.is_ready

        wait_for("the next frame", look)

    def never_ready(self, until: int) -> None:
        """Check that the next frame waits, though `until` messages of the worker have come."""
        dropped = []

        def look() -> bool:
            self.received.receive()
            assert not self.received.is_ready
            dropped.append(1)
            return len(dropped) > until

        wait_for("some turns", look)


@pytest.fixture
def played(run_dir: Path, counters: Counters) -> Iterator[Played]:
    open_run_dir(run_dir)
    played = Played(run_dir, counters, None)
    yield played
    played.close()


def taken_from(played: Played) -> Recorded:
    played.ready()
    return played.received.take()


def test_a_look_is_taken_with_its_result_and_the_others_without(played: Played) -> None:
    played.find(3)  # results come through another door: it is there first
    for number in range(5):
        played.publish(number, is_look=number in (0, 3))
    played.never_ready(20)
    played.find(0)
    got = [taken_from(played) for _ in range(5)]
    assert [one.frame.frame_id for one in got] == list(range(5))
    assert [None if one.result is None else one.result.frame_id for one in got] == [0, None, None, 3, None]
    for number, one in enumerate(got):
        assert (one.picture == number).all(), "each has a picture of its own"


def test_a_result_of_another_recording_is_refused_and_waited_for(played: Played) -> None:
    played.publish(0, is_look=True)
    wrong = [{"epoch": 6}, {"captured_ns": 9}]

    def is_refused(number: int) -> bool:
        played.received.receive()
        assert not played.received.is_ready
        return f"masks of another recording {number}" in str(played.counters)

    for number, changed in enumerate(wrong, 1):
        played.find(0, **changed)
        wait_for("its refusal", partial(is_refused, number))
    played.find(0)
    assert taken_from(played).result is not None


def test_a_second_result_of_a_look_changes_nothing(played: Played) -> None:
    played.publish(0, is_look=True)
    played.publish(1, is_look=True)
    played.find(0)
    played.find(0)
    assert taken_from(played).frame.frame_id == 0
    played.find(0)
    played.never_ready(20)
    played.find(1)
    assert taken_from(played).frame.frame_id == 1


def test_what_was_found_before_need_not_be_found_again(run_dir: Path, tmp_path: Path, counters: Counters) -> None:
    path = tmp_path / "results.jsonl"
    ResultsFile.create(path, "key", "version")
    with ResultsFile(path, writes=True) as file:
        file.add(MasksInferred(1, 0, 1, 7, "before", "m"))
    open_run_dir(run_dir)
    with ResultsFile(path, writes=True) as file:
        played = Played(run_dir, counters, file)
        try:
            played.publish(0, is_look=True)
            played.publish(1, is_look=True)
            first = taken_from(played)
            assert first.result is not None
            assert (first.result.worker, first.result.epoch, first.result.captured_ns) == ("before", 5, 1000)
            played.find(1)
            assert taken_from(played).result is not None
        finally:
            played.close()
    with ResultsFile(path) as file:
        assert file.known == {0, 1}, "what was found now is kept too"


def test_frames_are_judged_in_order_and_the_end_comes_after_the_last(played: Played) -> None:
    for number in range(5):
        played.publish(number, is_look=False)
    played.say(RecordingEnded(5))
    judged = JudgedFrames(played.received, HoldsBack())
    got: list[int] = []

    def turn() -> bool:
        played.received.receive()
        if (one := judged.next()) is not None:
            got.append(one.frame.frame_id)
        return judged.have_ended

    wait_for("the end", turn)
    assert got == [0, 1, 2, 3, 4], "what the judge held back comes before the end"
    assert not judged.is_ready


def test_the_loop_goes_on_while_frames_are_judged(played: Played) -> None:
    """A loop that stands still for 5 s is ended; a batch of large frames may take longer."""
    played.publish(0, is_look=False)
    judge = HoldsBack()
    judge.may_go_on.clear()
    judged = JudgedFrames(played.received, judge)
    played.ready()
    for _ in range(5):
        assert judged.next() is None
        assert judged.is_ready
    played.say(RecordingEnded(1))
    judge.may_go_on.set()

    def turn() -> bool:
        played.received.receive()
        return judged.next() is not None

    wait_for("the frame", turn)


def test_a_judge_that_fails_ends_the_loop(played: Played) -> None:
    played.publish(0, is_look=False)
    played.ready()
    judged = JudgedFrames(played.received, HoldsBack(fails=True))
    with pytest.raises(RuntimeError, match="what nobody thought of"):
        wait_for("the error", partial(judged.next))


class HoldsBack(Judge):
    """Judges two frames late, when it may."""

    def __init__(self, *, fails: bool = False) -> None:
        self._held: list[Judged] = []
        self._fails = fails
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def add(
        self, frame: FrameInfo, picture: np.ndarray, result: MasksInferred | None, *, is_cut: bool = False
    ) -> list[Judged]:
        if self._fails:
            raise RuntimeError("what nobody thought of")
        self.may_go_on.wait()
        decision = Decision(State.HIDDEN, "for a test", -1.0, frame=(frame.epoch, frame.frame_id))
        judgement = Judgement(frame.frame_id, 0.0, "hidden", decision.reason, result is not None)
        self._held.append(Judged(frame, ImagePyramid(picture), decision, EMPTY, judgement))
        return [self._held.pop(0)] if len(self._held) > 2 else []

    def end(self) -> list[Judged]:
        return self._held


@pytest.mark.parametrize("taken", [0, 1], ids=["before the first frame", "after it"])
def test_compose_does_not_go_on_without_capture(played: Played, taken: int) -> None:
    for number in range(2):
        played.publish(number, is_look=False)
    for _ in range(taken):
        taken_from(played)
    played.ready()
    played.end_capture()
    with pytest.raises(RestartError, match="capture has ended"):
        played.received.take()
