from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.ipc.records import Command, SetView
from common.runtime.heartbeat import Heartbeat
from common.runtime.stage_context import StageContext
from common.vision.arrays import BgrImage
from display import loop
from display.presenter import Presenter
from display.settings import DisplaySettings
from display.sinks.recording import RecordSink
from tests.call import free_port
from tests.display.test_meter import MESSAGE

CARD = replace(MESSAGE, frame=replace(MESSAGE.frame, height=90, width=160), state="lost", privacy=True)
PICTURES = 30  # so small that all may wait for the disk: none is left out


def test_a_recording_is_complete_even_if_the_loop_fails(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures in the queue are written before the process ends."""
    out = tmp_path / "out"

    def show_and_fail(presenter: Presenter) -> None:
        for number in range(PICTURES):
            picture = np.full((90, 160, 3), number, np.uint8)
            presenter.show(replace(MESSAGE, frame=replace(MESSAGE.frame, height=90, width=160)), picture)
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(Presenter, "check_timeout", show_and_fail)
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


@pytest.mark.parametrize(("restarts", "opens"), [(0, True), (1, False)])
def test_only_the_first_display_of_a_call_opens_the_page_in_the_browser(
    restarts: int, opens: bool, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("display.sinks.web.open_once", lambda url, folder: asked.append(url))
    run_dir.mkdir()
    stage = StageContext(Heartbeat(logging.INFO), [], restarts)
    stage.request_stop()
    loop.run(DisplaySettings(run_dir=run_dir, sink="web", web=f"127.0.0.1:{free_port()}"), stage)
    assert bool(asked) is opens


def test_a_display_that_is_started_again_records_into_the_next_folder(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the display that was killed was refused, and the call ended."""
    for restarts in range(2):
        stage = StageContext(Heartbeat(logging.INFO), [], restarts)
        played = Played(["live", "live"], stage)
        monkeypatch.setattr(loop, "open_source", lambda *_, played=played: (played, played))
        loop.run(DisplaySettings(run_dir=run_dir, sink="record", out=tmp_path / "out", images="none"), stage)
    assert [len((tmp_path / name / "frames.jsonl").read_text().splitlines()) for name in ("out", "out-2")] == [2, 2]


def test_a_display_that_is_started_again_goes_on_where_its_sink_cannot_be_opened(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DisplaySettings(run_dir=run_dir, sink="video")  # no file is named
    stage = StageContext(Heartbeat(logging.INFO), [], restarts=1)
    played = Played(["live", "live"], stage)
    monkeypatch.setattr(loop, "open_source", lambda *_: (played, played))
    loop.run(settings, stage)
    with pytest.raises(DisplayError, match="--sink video"):
        loop.run(settings, StageContext(Heartbeat(logging.INFO), [], restarts=0))


class Played:
    """Gives the loop one composite a turn, then stops it; records its commands."""

    blank_after_s, stale_after_s, gone_text, silent_text = 60.0, None, "", ""

    def __init__(self, states: list[str], stage: StageContext) -> None:
        self.socket, self._states, self._stage = self, states, stage
        self.commanded: list[Command] = []

    def poll(self, timeout_ms: int) -> None:
        """Return at once, as for a socket with a message."""

    def is_gone(self) -> bool:
        return False

    def receive(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        if not self._states:
            self._stage.request_stop()
            return
        yield replace(CARD, state=self._states.pop(0)), np.zeros((90, 160, 3), np.uint8)

    def add(self, epoch: int, *asked: Command) -> None:
        self.commanded += asked

    add_issued = flush = lambda self, *_: None


@pytest.mark.parametrize(
    ("states", "restarts", "commanded"),
    [
        (["live", "live"], 0, [SetView(True)]),
        (["lost", "lost", "hidden", "live"], 0, [SetView(True)]),
        (["lost", "lost"], 0, []),
        (["live", "live"], 1, []),
    ],
    ids=["at the first picture", "not of a card", "never of cards", "not of a display that is started again"],
)
def test_the_instance_view_is_requested_once_with_the_first_picture(
    states: list[str],
    restarts: int,
    commanded: list[Command],
    run_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compose refuses the view while the camera is lost. A display restarted after a crash must not turn privacy off by it."""
    stage = StageContext(Heartbeat(logging.INFO), [], restarts)
    played = Played(list(states), stage)
    monkeypatch.setattr(loop, "open_source", lambda *_: (played, played))
    settings = DisplaySettings(run_dir=run_dir, sink="record", out=run_dir / "out", images="none", view="instances")
    loop.run(settings, stage)
    assert played.commanded == commanded
