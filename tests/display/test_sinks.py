from __future__ import annotations

from pathlib import Path

import pytest

from common.config import DisplaySettings
from common.errors import DisplayError
from display import sinks
from display.record import RecordSink
from display.sinks import HeadlessSink, open_sink


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "why_no_window", lambda: "no screen")


@pytest.mark.parametrize("sink", ["headless", "auto"])
def test_the_instance_view_is_refused_where_somebody_else_may_look(sink: str) -> None:
    with pytest.raises(DisplayError, match="expected --sink window or record, got " + sink):
        open_sink(DisplaySettings(sink=sink, view="instances"))


def test_only_the_window_and_the_recorder_show_it(tmp_path: Path) -> None:
    assert not HeadlessSink.local
    recorder = open_sink(DisplaySettings(sink="record", out=tmp_path, view="instances"))
    assert isinstance(recorder, RecordSink) and recorder.local
    recorder.close()


def test_without_a_screen_auto_is_headless_and_window_is_an_error() -> None:
    assert isinstance(open_sink(DisplaySettings(sink="auto")), HeadlessSink)
    with pytest.raises(DisplayError, match="no screen"):
        open_sink(DisplaySettings(sink="window"))
