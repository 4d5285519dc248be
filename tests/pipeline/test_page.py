"""The page of the real call in a real browser."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from prometheus_client.parser import text_string_to_metric_families

from common.figures import FIGURES
from tests.call import environment, free_port, read_until, stages, start_call
from tests.pipeline.browser import PHONE, opened, pixels
from tests.pipeline.screen import detail
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

pytestmark = pytest.mark.browser
OUTLINE_BGR = (80, 220, 255)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A call of the demo scene; the page's address and the run folder."""
    run_dir = tmp_path_factory.mktemp("w") / "r"
    port = free_port()
    settings = {"source": "demo", "width": 640, "height": 360, "sink": "web", "web": f"127.0.0.1:{port}"}
    with start_call(settings, run_dir) as running:
        read_until(running, "live")
        yield f"http://127.0.0.1:{port}/", run_dir


def until(page: Page, what: str, look: Callable[[], object], patience_s: float = 10) -> None:
    deadline = time.monotonic() + patience_s
    while not look():
        assert time.monotonic() < deadline, (
            f"waited {patience_s} s for {what}; the page says: {page.inner_text('body')}"
        )
        page.wait_for_timeout(50)


def live(page: Page) -> None:
    until(page, "a live picture", lambda: page.inner_text("#state").startswith("live") and pixels(page).std() > 5)


def test_the_picture_moves_and_figures_are_said(call: tuple[str, Path]) -> None:
    with opened(call[0]) as (page, errors):
        live(page)
        first = pixels(page)
        page.wait_for_timeout(600)
        assert np.abs(pixels(page).astype(int) - first).mean() > 0.5
        until(page, "the rate", lambda: float(page.inner_text("#rate")) > 20)
        assert page.inner_text("#latency_ms").endswith(" ms") and page.inner_text("#mask_age_ms").endswith(" ms")
        until(page, "a line", lambda: (page.get_attribute("#line-mask", "points") or "").count(",") > 3)
        assert errors == []


def test_privacy_goes_off_and_on_and_the_pixels_with_it(call: tuple[str, Path]) -> None:
    with opened(call[0]) as (page, errors):
        live(page)
        hidden = detail(pixels(page))
        page.click("#privacy")
        until(page, "the alarm", lambda: page.is_visible("#alarm"))
        until(page, "the room", lambda: detail(pixels(page)) > 1.5 * hidden)
        assert page.get_attribute("#privacy", "aria-pressed") == "false"
        page.click("#privacy")
        until(page, "privacy", lambda: not page.is_visible("#alarm") and detail(pixels(page)) < 1.3 * hidden)
        assert errors == []


def test_a_click_picks_who_stays_sharp(call: tuple[str, Path]) -> None:
    with opened(call[0]) as (page, errors):
        live(page)
        box = page.locator("#picture").bounding_box()
        assert box is not None

        def outlined() -> bool:
            page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
            page.wait_for_timeout(200)
            return bool((np.abs(pixels(page).astype(int) - OUTLINE_BGR).max(-1) < 60).sum() > 100)

        until(page, "the outline", outlined)
        assert errors == []


def test_the_background_changes(call: tuple[str, Path]) -> None:
    with opened(call[0]) as (page, errors):
        live(page)
        page.fill("#colour", "#00ff00")
        page.dispatch_event("#colour", "change")
        until(page, "green", lambda: (np.abs(pixels(page).astype(int) - (0, 255, 0)).max(-1) < 40).mean() > 0.3)
        page.select_option("#background", "")
        until(
            page, "the room again", lambda: (np.abs(pixels(page).astype(int) - (0, 255, 0)).max(-1) < 40).mean() < 0.01
        )
        assert errors == []


def test_figures_of_every_process_are_there_for_prometheus(call: tuple[str, Path]) -> None:
    def told() -> set[tuple[str, str]]:
        with urllib.request.urlopen(f"{call[0]}metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        assert {family.name.removeprefix("onlyme_") for family in families} == set(FIGURES)
        return {(s.name, s.labels["process"]) for family in families for s in family.samples if s.value > 0}

    expected = {
        ("onlyme_frames_captured_total", "capture.1"),
        ("onlyme_inference_seconds_sum", "infer.1"),
        ("onlyme_masks_sent_total", "infer.1"),
        ("onlyme_compose_seconds_count", "compose.1"),
        ("onlyme_state_seconds_total", "compose.1"),
        ("onlyme_mask_age_seconds", "compose.1"),
        ("onlyme_shown_total", "display.1"),
        ("onlyme_latency_seconds_sum", "display.1"),
    }
    wait_for("all figures", lambda: told() >= expected)


def test_the_same_figures_stand_in_a_terminal(call: tuple[str, Path]) -> None:
    reader, terminal = pty.openpty()
    env = {**environment({"sink": "status"}, call[1]), "COLUMNS": "120", "LINES": "60", "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-m", "display"], cwd=ROOT, env=env, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE
    ) as status:
        os.close(terminal)
        said = b""

        def complete() -> bool:
            nonlocal said
            said += os.read(reader, 4096)
            return b"inference_seconds" in said and b"pictures a second" in said and b"a second \xe2" in said

        try:
            wait_for("the table", complete)
        finally:
            status.terminate()
            status.communicate()
            os.close(reader)


def test_by_keyboard_only(call: tuple[str, Path]) -> None:
    with opened(call[0]) as (page, errors):
        live(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "privacy", "the first stop"
        page.keyboard.press("Enter")
        until(page, "the alarm", lambda: page.is_visible("#alarm"))
        page.keyboard.press("p")
        until(page, "privacy", lambda: not page.is_visible("#alarm"))
        reached = set()
        for _ in range(9):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        assert {"background", "colour", "Everybody", "Next person"} <= reached
        assert errors == []


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["desktop", "phone"])
def test_anybody_can_use_it(call: tuple[str, Path], viewport: dict[str, int]) -> None:
    with opened(call[0], viewport) as (page, errors):
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
        small = page.evaluate(
            "[...document.querySelectorAll('button')].filter(b => b.getBoundingClientRect().height < 44).length"
        )
        assert small == 0, "a finger hits it"
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert errors == []


def test_a_lost_server_is_said_at_once_and_the_page_comes_back(call: tuple[str, Path]) -> None:
    url, run_dir = call
    with opened(url) as (page, _):  # the browser itself calls a refused connection an error
        live(page)
        os.kill(stages(run_dir)["display.1"].live_child, signal.SIGKILL)
        killed = time.monotonic()
        until(page, "the loss", lambda: page.inner_text("#cover").startswith("connection lost"), patience_s=3)
        assert time.monotonic() - killed < 2.5
        assert pixels(page, ".stage").std() < 40, "the last picture does not stay"
        live(page)
        page.click("#privacy")
        until(page, "the alarm: the old cookie holds", lambda: page.is_visible("#alarm"))
        page.click("#privacy")
        until(page, "privacy", lambda: not page.is_visible("#alarm"))
