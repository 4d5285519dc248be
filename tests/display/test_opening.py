from __future__ import annotations

import os
import stat
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from display.settings import DisplaySettings
from display.sinks.web import WebSink
from display.web import opening
from display.web.opening import NAME, open_once
from tests.call import free_port
from tests.processes.neighbours import wait_for

URL = "http://127.0.0.1:8765/?token=0123456789abcdef"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the browser was asked to open, by a whole call in a desktop session."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(opening, "_opened", set())
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    for name, value in (("HONCHO_PROCESS_NAME", "display.1"), ("DISPLAY", ":7"), ("XDG_CURRENT_DESKTOP", "GNOME")):
        monkeypatch.setenv(name, value)
    yield opened


def test_the_browser_is_told_no_token_and_nobody_else_may_read_the_file(tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / NAME).write_text("of a call before")
    (tmp_path / NAME).chmod(0o644)
    before = os.umask(0)
    try:
        open_once(URL, tmp_path)
    finally:
        os.umask(before)
    (address,) = wait_for("the browser", lambda: asked)
    assert "token" not in address and "0123456789abcdef" not in address
    path = Path(unquote(urlsplit(address).path))
    assert path == tmp_path / NAME and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().count(f'"{URL}"') == 1 and f"url={URL}" in path.read_text()


def test_the_page_is_opened_once(tmp_path: Path, asked: list[str]) -> None:
    for _ in range(2):
        open_once(URL, tmp_path)
    open_once(URL, tmp_path / "not there")
    assert len(wait_for("the browser", lambda: asked)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HONCHO_PROCESS_NAME", ""),
        ("DISPLAY", ""),
        ("XDG_CURRENT_DESKTOP", ""),
        ("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22"),
    ],
)
def test_nothing_is_opened_by_a_single_display_or_outside_a_desktop_session(
    name: str, value: str, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.delenv(name)
    open_once(URL, tmp_path)
    assert (asked, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize("wanted", [True, False])
def test_the_setting_decides_and_the_log_says_the_address_once(
    wanted: bool, run_dir: Path, asked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    run_dir.mkdir()
    caplog.set_level("INFO")
    sink = WebSink(DisplaySettings(run_dir=run_dir, web=f"127.0.0.1:{free_port()}", open_page=wanted), False)
    sink.close()
    assert (run_dir / NAME).exists() is wanted
    assert caplog.text.count("token=") == 1


@pytest.mark.browser
def test_the_file_leads_a_browser_to_the_page(run_dir: Path, asked: list[str]) -> None:
    from tests.pipeline.browser import opened, started

    run_dir.mkdir()
    sink = WebSink(DisplaySettings(run_dir=run_dir, web=f"127.0.0.1:{free_port()}"), False)
    try:
        (address,) = wait_for("the browser", lambda: asked)
        with started() as browser, opened(browser, address) as (page, errors):
            page.wait_for_selector("#picture")
            assert page.url.startswith("http://127.0.0.1:") and "token" not in page.url
            assert errors == []
    finally:
        sink.close()
