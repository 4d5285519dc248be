from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from common.errors import ConfigError, DisplayError
from common.runtime.heartbeat import Heartbeat
from common.runtime.stage_context import StageContext
from common.settings.recording import EVERY
from display import every, loop
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sink": "auto"}, "--sink auto"),
        ({"sink": "window"}, "--sink window"),
        ({"sink": "web"}, "--sink web"),
        ({"sink": "camera"}, "--sink camera"),
        ({"sink": "record"}, "--sink record"),
        ({"sink": "status"}, "--sink status"),
        ({"connect": "tcp://127.0.0.1:5555"}, "--connect"),
        ({"view": "instances"}, "--view instances"),
        ({"seconds": 3.0}, "--seconds"),
        ({"rotate_minutes": 3.0}, "--rotate-minutes"),
        ({"rotate_mb": 3}, "--rotate-mb"),
    ],
)
def test_what_leaves_frames_out_is_refused_in_one_line(changed: dict[str, Any], said: str, run_dir: Path) -> None:
    settings = replace(DisplaySettings(run_dir=run_dir, pace=EVERY, sink="headless"), **changed)
    with pytest.raises(ConfigError) as refused:
        loop.run(settings, StageContext(Heartbeat(logging.INFO), [], restarts=0))
    assert str(refused.value).startswith(said + ":")
    assert "\n" not in str(refused.value)


def test_no_other_display_goes_on_in_the_middle(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: DisplaySettings) -> NoReturn:
        raise DisplayError("refused")

    monkeypatch.setattr(every, "open_sink", refuse)
    heartbeat = Heartbeat(logging.INFO)
    with pytest.raises(DisplayError, match="refused"):
        loop.run(DisplaySettings(run_dir=run_dir, pace=EVERY, sink="headless"), StageContext(heartbeat, [], restarts=0))
    assert heartbeat.is_last


def test_a_sink_that_cannot_be_finished_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "open_sink", lambda _: UnattendedSink())
    with pytest.raises(DisplayError, match="takes every composite"):
        every.open_recording_sink(DisplaySettings(pace=EVERY, sink="headless"))
