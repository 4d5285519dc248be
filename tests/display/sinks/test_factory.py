from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest

from common.errors import DisplayError
from display.settings import DisplaySettings
from display.sinks import factory as sinks
from display.sinks.factory import open_sink
from display.sinks.headless import HeadlessSink
from display.sinks.recording import RecordSink
from display.sinks.web import WebSink
from tests.call import free_port


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
    page = open_sink(DisplaySettings(sink="auto", run_dir=run_dir, web=f"127.0.0.1:{free_port()}"))
    assert isinstance(page, WebSink)
    page.close()
    with pytest.raises(DisplayError, match="no screen"):
        open_sink(DisplaySettings(sink="window"))


def test_a_taken_port_is_said_with_the_program_that_has_it(run_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_dir.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken, subprocess.Popen(["sleep", "100"], pass_fds=[taken.fileno()]) as other:  # fmt: skip
        web = f"127.0.0.1:{taken.getsockname()[1]}"
        holder = f"Address already in use by sleep (pid {other.pid})"
        try:
            with pytest.raises(DisplayError, match=re.escape(f"that is free, got {web} ({holder})")):
                open_sink(DisplaySettings(sink="web", run_dir=run_dir, web=web))
            page = open_sink(DisplaySettings(sink="auto", run_dir=run_dir, web=web))
            assert re.match(rf"--web {web}: {re.escape(holder)}; the page gets port \d+ instead", caplog.messages[0])
            page.close()
        finally:
            other.kill()
