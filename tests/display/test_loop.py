from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import Command, SetView
from common.runtime.heartbeat import Heartbeat
from common.runtime.stage_context import StageContext
from common.vision.arrays import BgrImage
from display import loop
from display.presenter import Shown
from display.settings import DisplaySettings
from display.sinks.recording import RecordSink
from tests.display.test_meter import MESSAGE

CARD = replace(MESSAGE, frame=replace(MESSAGE.frame, height=90, width=160), state="lost", privacy=True)
PICTURES = 30  # as many as may wait between the loop and the disk: none is left out


def test_a_recording_is_whole_also_where_the_loop_fails(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the disk is written before the process ends."""
    out = tmp_path / "out"

    def show_and_fail(shown: Shown) -> None:
        for number in range(PICTURES):
            picture = np.full((90, 160, 3), number, np.uint8)
            shown.put(replace(MESSAGE, frame=replace(MESSAGE.frame, height=90, width=160)), picture)
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(Shown, "look", show_and_fail)
    run_dir.mkdir()
    settings = DisplaySettings(run_dir=run_dir, sink="record", out=out)
    with pytest.raises(RuntimeError, match="nobody thought of"):
        loop.run(settings, StageContext(Heartbeat(logging.INFO), [], restarts=0))
    rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    assert rows
    for number, row in enumerate(rows):
        picture = cv2.imread(str(out / row["file"]))
        assert picture is not None and (picture == number).all()


def test_the_sink_of_a_recording_is_closed_once(run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[RecordSink] = []
    close = RecordSink.close

    def note(sink: RecordSink) -> None:
        closed.append(sink)
        close(sink)

    monkeypatch.setattr(RecordSink, "close", note)
    run_dir.mkdir()
    stage = StageContext(Heartbeat(logging.INFO), [], restarts=0)
    stage.request_stop()
    loop.run(DisplaySettings(run_dir=run_dir, sink="record", out=tmp_path / "out"), stage)
    assert len(closed) == 1


class Played:
    """Plays the composites to the loop, one a turn, then stops it; takes its wishes."""

    blank_after_s, stale_after_s, gone, silent = 60.0, None, "", ""

    def __init__(self, states: list[str], stage: StageContext) -> None:
        self.socket, self._states, self._stage = self, states, stage
        self.wished: list[Command] = []

    def poll(self, timeout_ms: int) -> None:
        """As a socket that has something."""

    def is_gone(self) -> bool:
        return False

    def waiting(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        if not self._states:
            self._stage.request_stop()
            return
        yield replace(CARD, state=self._states.pop(0)), np.zeros((90, 160, 3), np.uint8)

    def add(self, epoch: int, *asked: Command) -> None:
        self.wished += asked

    put = pass_on = lambda self, *_: None


@pytest.mark.parametrize(
    ("states", "restarts", "wished"),
    [
        (["live", "live"], 0, [SetView(True)]),
        (["lost", "lost", "hidden", "live"], 0, [SetView(True)]),
        (["lost", "lost"], 0, []),
        (["live", "live"], 1, []),
    ],
    ids=["at the first picture", "not of a card", "never of cards", "not of a display that is started again"],
)
def test_the_instance_view_is_asked_for_once_where_there_is_a_picture(
    states: list[str],
    restarts: int,
    wished: list[Command],
    run_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compose refuses it while the camera is lost. And it is privacy off: a crash of the display is nobody's wish for it."""
    stage = StageContext(Heartbeat(logging.INFO), [], restarts)
    played = Played(list(states), stage)
    monkeypatch.setattr(loop, "open_pictures", lambda *_: (played, played))
    settings = DisplaySettings(run_dir=run_dir, sink="record", out=run_dir / "out", images="none", view="instances")
    loop.run(settings, stage)
    assert played.wished == wished
