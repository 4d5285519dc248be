"""The real stages with `--pace every`; the test plays the display, or compose."""

from __future__ import annotations

import json
import logging
import os
import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from common.ipc.credit import CreditedReceiver, deep
from common.ipc.messages import FrameCaptured, FrameComposed, RecordingEnded, WorkAssigned, WorkRequested
from common.ipc.ring import RingCache
from common.ipc.streams import (
    COMPOSITES,
    COMPOSITES_WANTED,
    FRAMES,
    FRAMES_WANTED,
    WORK,
    connect,
    open_context,
    receive,
    send,
)
from common.metrics.counters import Counters
from common.redaction.results import ResultsFile
from common.runtime.run_dir import open_run_dir
from common.settings.recording import EVERY
from tests.call import run_call
from tests.capture.sources.films import NUMBERS, evenly, number_of, write_film
from tests.processes.neighbours import child_of, end, stage, wait_for

COUNT, SIZE_WH = 70, (128, 96)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Each picture is grey, and says its number."""
    return write_film(tmp_path / "film.mp4", evenly(COUNT, 25), SIZE_WH)


def results_in(path: Path) -> dict[int, object]:
    """What was found in each frame, by number."""
    rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert len({row["number"] for row in rows}) == len(rows)
    return {row["number"]: row["instances"] for row in rows}


def play_display(film: Path, run_dir: Path, folder: Path, workers: int, *, kill: bool) -> dict[int, object]:
    """Run a recording whole and check every composite; return what was found. `kill`: a worker is killed on the way."""
    counters, ring = Counters(logging.getLogger("test")), RingCache()
    results, judgements = folder / f"{workers}.jsonl", folder / f"{workers}-judgements.jsonl"
    ResultsFile.create(results, "key", "version")
    open_run_dir(run_dir)
    common = {"pace": EVERY, "results": results}
    with ExitStack() as opened:
        context = opened.enter_context(open_context())
        ours = [
            opened.enter_context(stage("capture", run_dir, source=film, **common)),
            opened.enter_context(stage("compose", run_dir, judgements=judgements, **common)),
        ]
        infer = [opened.enter_context(stage("infer", run_dir, mask_rcnn="none", pace=EVERY)) for _ in range(workers)]
        composites = CreditedReceiver[FrameComposed | RecordingEnded](
            connect(context, COMPOSITES, run_dir),
            connect(context, COMPOSITES_WANTED, run_dir),
            (FrameComposed, RecordingEnded),
            counters,
        )
        shown: list[int] = []
        ends: list[int] = []

        def turn() -> bool:
            composites.tell(len(shown))
            for message in composites.receive():
                if isinstance(message, RecordingEnded):
                    ends.append(message.number)
                    continue
                assert message.frame.frame_id == message.frame.source_index == len(shown)
                assert message.state == "hidden"
                picture = ring.read(message.frame.segment, message.frame.sequence, message.frame.shape, None)
                assert picture is not None
                assert number_of(picture) == len(shown) % NUMBERS, "the blur leaves the grey that says the number"
                shown.append(message.frame.frame_id)
            return bool(ends)

        if kill:
            wait_for("the first results", lambda: turn() or len(results_in(results)) > 2)
            child = child_of(infer[0].pid)
            assert child is not None
            os.kill(child, signal.SIGKILL)
        wait_for("the end", turn, patience_s=60)
        assert (ends, shown) == ([COUNT], list(range(COUNT)))
        assert [end(process)[0] for process in ours] == [0, 0]
    ring.close()
    rows = [json.loads(line) for line in judgements.read_text().splitlines()]
    assert [row["number"] for row in rows[1:]] == list(range(COUNT))
    assert [row["number"] for row in rows[1:] if row["look"]] == list(results_in(results))
    return results_in(results)


def test_every_frame_comes_once_in_order_and_is_the_same_for_every_number_of_workers(
    film: Path, tmp_path: Path, segments: None
) -> None:
    found = []
    for workers, kill in ((1, False), (2, True)):
        folder = tmp_path / str(workers)
        found.append(play_display(film, folder / "run", tmp_path, workers, kill=kill))
    assert list(found[0])[:10] == [*range(0, 30, 3)]
    assert list(found[0])[-1] == COUNT - 1
    assert found[0] == found[1]


def test_capture_goes_no_further_than_its_credit(film: Path, run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, source=film, pace=EVERY) as process:
        work = connect(context, WORK, run_dir)
        frames = CreditedReceiver[FrameCaptured | RecordingEnded](
            connect(context, deep(FRAMES), run_dir),
            connect(context, FRAMES_WANTED, run_dir),
            (FrameCaptured, RecordingEnded),
            counters,
        )
        got: list[FrameCaptured | RecordingEnded] = []

        def turn(wanted: int) -> int:
            frames.tell(wanted)
            got.extend(frames.receive())
            return len(got)

        def ask() -> bool:
            turn(0)
            return send(work, WorkRequested("w"))

        def look(wanted: int) -> list[WorkAssigned]:
            turn(wanted)
            return receive(work, WorkAssigned, counters)

        given: list[int] = []
        for number in range(8):
            wait_for("capture", ask)
            given.append(wait_for("a look", partial(look, 0))[0].frame.frame_id)
            assert given[-1] == 3 * number
        wait_for("the frames in the window", lambda: turn(0) >= 24)
        wait_for("capture", ask)
        assert not work.poll(300), "no ninth look without credit"
        assert turn(0) == 24
        assert [m.is_look for m in got[:7] if isinstance(m, FrameCaptured)] == [True, False, False] * 2 + [True]
        wait_for("the ninth look", partial(look, 1))
        wait_for("the end", lambda: turn(len(got)) > COUNT)
        assert got[-1] == RecordingEnded(COUNT)
        child = child_of(process.pid)
        assert child is not None
        os.kill(child, signal.SIGKILL)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1, "no mistake of the user"
    assert said.splitlines()[-1].startswith(
        "capture: killed by SIGKILL: a recording cannot go on where a stage of it died"
    )


def test_a_display_that_wrote_the_last_composite_ends_the_call(film: Path, run_dir: Path) -> None:
    settings = {"pace": EVERY, "source": film, "sink": "headless", "mask_rcnn": "none", "look_every": 9}
    code, said = run_call(settings, run_dir, workers=1)
    assert code == 0, said
    assert f"the recording is whole: {COUNT} composites" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"source": "demo"}, "--source: expected a video file with --pace every, got the demo"),
        ({"sink": "web"}, "--sink web: expected --sink video or headless"),
        ({"results": "/dev/null"}, "--results: expected a file"),
    ],
)
def test_a_mistake_is_one_line(film: Path, run_dir: Path, changed: dict[str, str], says: str) -> None:
    settings = {"pace": EVERY, "source": film, "sink": "headless", "mask_rcnn": "none", **changed}
    code, said = run_call(settings, run_dir)
    assert code == 2
    ours = [line for line in said.splitlines() if " | " in line and "expected" in line]
    assert len(ours) == 1 and says in ours[0], said


def test_grey_pictures_tell_their_numbers(film: Path) -> None:
    """The control: the numbers of neighbours differ."""
    pictures = [np.full((96, 128, 3), number * 8, np.uint8) for number in range(3)]
    assert [number_of(picture) for picture in pictures] == [0, 1, 2]
