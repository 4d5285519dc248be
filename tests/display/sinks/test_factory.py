from __future__ import annotations

import socket
from pathlib import Path

import pytest

from common.errors import DisplayError
from display.settings import DisplaySettings
from display.sinks import factory as sinks
from display.sinks.factory import open_sink
from display.sinks.headless import HeadlessSink
from display.sinks.recording import RecordSink
from display.sinks.web import WebSink


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "window_unavailable_reason", lambda *_: "no screen")


@pytest.mark.parametrize("sink", ["headless", "auto"])
def test_the_instance_view_is_refused_for_sinks_that_others_may_see(sink: str) -> None:
    with pytest.raises(DisplayError, match="expected --sink window or record, got " + sink):
        open_sink(DisplaySettings(sink=sink, view="instances"))


def test_the_recorder_shows_the_instance_view(tmp_path: Path) -> None:
    assert not HeadlessSink.local
    recorder = open_sink(DisplaySettings(sink="record", out=tmp_path, view="instances"))
    assert isinstance(recorder, RecordSink) and recorder.local
    recorder.close()


def test_without_a_screen_auto_opens_the_page_and_window_is_an_error(run_dir: Path) -> None:
    run_dir.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        web = f"127.0.0.1:{taken.getsockname()[1]}"
        page = open_sink(DisplaySettings(sink="auto", run_dir=run_dir, web=web))
        assert isinstance(page, WebSink), "`auto` takes another port if the chosen one is taken"
        page.close()
        with pytest.raises(DisplayError, match="that is free"):
            open_sink(DisplaySettings(sink="web", run_dir=run_dir, web=web))
    with pytest.raises(DisplayError, match="no screen"):
        open_sink(DisplaySettings(sink="window"))
