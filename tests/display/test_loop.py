from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.child import Stop
from common.config import DisplaySettings
from common.pulse import Pulse
from display import loop
from display.record import RecordSink
from display.shown import Shown
from tests.display.test_meter import MESSAGE

PICTURES = 40  # more than wait between the loop and the disk


def test_a_recording_is_whole_also_where_the_loop_fails(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the disk is written before the process ends."""
    out = tmp_path / "out"

    def show_and_fail(shown: Shown) -> None:
        for number in range(PICTURES):
            picture = np.full((90, 160, 3), number, np.uint8)
            shown.put(replace(MESSAGE, height=90, width=160), picture)
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(Shown, "look", show_and_fail)
    run_dir.mkdir()
    settings = DisplaySettings(run_dir=run_dir, sink="record", out=out)
    with pytest.raises(RuntimeError, match="nobody thought of"):
        loop.run(settings, Stop(Pulse(logging.INFO), [], restarts=0))
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
    stop = Stop(Pulse(logging.INFO), [], restarts=0)
    stop.ask()
    loop.run(DisplaySettings(run_dir=run_dir, sink="record", out=tmp_path / "out"), stop)
    assert len(closed) == 1
