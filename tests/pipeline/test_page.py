"""The page of the real call in a real browser."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize
from prometheus_client.parser import text_string_to_metric_families

from common.ipc.records import SelectSubject, SetPrivacy
from common.metrics.metrics import METRICS
from tests.background import Background
from tests.call import environment, free_port, printed_url, read_until, stages, start_call
from tests.pace import as_if_idle
from tests.pipeline.browser import CHROMIUM, DESKTOP, PHONE, opened, pixels
from tests.pipeline.screen import detail
from tests.pipeline.shower import Shower, is_live, live, until
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
        yield printed_url(read_until(running, "?token=")), run_dir


def test_the_picture_moves_and_figures_are_said(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        first = pixels(page)
        page.wait_for_timeout(600)
        assert np.abs(pixels(page).astype(int) - first).mean() > 0.5
        until(page, "the rate", lambda: float(page.inner_text("#rate")) > 20)
        assert page.inner_text("#latency_ms").endswith(" ms") and page.inner_text("#mask_age_ms").endswith(" ms")
        until(page, "a line", lambda: (page.get_attribute("#line-mask", "points") or "").count(",") > 3)
        assert errors == []


def test_privacy_goes_off_and_on_and_the_pixels_with_it(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        hidden = detail(pixels(page))
        page.click("#privacy")
        until(page, "the alarm", lambda: page.is_visible("#alarm"))
        until(page, "the room", lambda: detail(pixels(page)) > 1.5 * hidden)
        assert page.get_attribute("#privacy", "aria-pressed") == "false"
        page.click("#privacy")
        until(page, "privacy", lambda: not page.is_visible("#alarm") and detail(pixels(page)) < 1.3 * hidden)
        assert errors == []


def test_a_click_picks_who_stays_sharp(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        box = page.locator("#picture").bounding_box()
        assert box is not None

        def outlined() -> bool:
            page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
            page.wait_for_timeout(200)
            return bool((np.abs(pixels(page).astype(int) - OUTLINE_BGR).max(-1) < 60).sum() > 100)

        until(page, "the outline", outlined)
        assert errors == []


def test_the_background_changes(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        page.fill("#colour", "#00ff00")
        page.dispatch_event("#colour", "change")
        until(page, "green", lambda: (np.abs(pixels(page).astype(int) - (0, 255, 0)).max(-1) < 40).mean() > 0.3)
        page.select_option("#background", "blur")
        until(
            page, "the room again", lambda: (np.abs(pixels(page).astype(int) - (0, 255, 0)).max(-1) < 40).mean() < 0.01
        )
        assert errors == []


def test_figures_of_every_process_are_there_for_prometheus(call: tuple[str, Path]) -> None:
    def told() -> set[tuple[str, str]]:
        url, _, token = call[0].partition("?token=")
        asked = urllib.request.Request(f"{url}metrics", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        assert {family.name.removeprefix("onlyme_") for family in families} == set(METRICS)
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
    wait_for("all metrics", lambda: told() >= expected)


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
            return b"looks for people" in said and b"pictures a second" in said

        try:
            wait_for("the table", complete)
        finally:
            status.terminate()
            status.communicate()
            os.close(reader)


def test_by_keyboard_only(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "privacy", "the first stop"
        page.keyboard.press("Enter")
        until(page, "the alarm", lambda: page.is_visible("#alarm"))
        page.keyboard.press("P")  # as with Caps Lock
        until(page, "privacy", lambda: not page.is_visible("#alarm"))
        reached = set()
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        assert {"controls", "next", "everybody", "hide-room", "background", "colour", "upload"} <= reached
        assert errors == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_anybody_can_use_it(browser: Browser, call: tuple[str, Path], viewport: ViewportSize) -> None:
    with opened(browser, call[0], viewport) as (page, errors):
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
        small = page.evaluate(
            "[...document.querySelectorAll('button, select, input[type=range], input[type=file], label:has(input)')].filter(b => b.offsetParent).filter(b => b.getBoundingClientRect().height < 44).length"
        )
        assert small == 0, "a finger hits it"
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert errors == []


def test_a_lost_server_is_said_at_once_and_the_page_comes_back(browser: Browser, call: tuple[str, Path]) -> None:
    url, run_dir = call
    with opened(browser, url) as (page, _):  # the browser itself calls a refused connection an error
        live(page)
        os.kill(stages(run_dir)["display.1"].live_child, signal.SIGKILL)
        killed = time.monotonic()
        until(page, "the loss", lambda: page.inner_text("#cover").startswith("connection lost"))
        assert as_if_idle(time.monotonic() - killed) < 2.5
        assert pixels(page, ".stage").std() < 40, "the last picture does not stay"
        live(page)
        page.click("#privacy")
        until(page, "the alarm: the old cookie holds", lambda: page.is_visible("#alarm"))
        page.click("#privacy")
        until(page, "privacy", lambda: not page.is_visible("#alarm"))


class OtherSite(Background):
    """A site that the same browser has open: it shows a link and tries to show the picture.

    Another host of the loopback network is another site; another port would be the same one.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        page = urlsplit(url)
        body = f'<a href="{url}">onlyme</a><img src="http://{page.netloc}/picture.mjpg"><img src="http://{page.netloc}/picture.mjpg?{page.query}">'

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f"<!doctype html><title>other</title>{body}".encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.2", 0), Answer)
        self.url = f"http://127.0.0.2:{self._server.server_port}/"

    def run(self) -> None:
        """See Background."""
        self._server.timeout = 0.05
        while not self.stopping.is_set():
            self._server.handle_request()
        self._server.server_close()


def test_the_token_stays_neither_in_the_address_nor_in_the_way_back(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, "about:blank") as (page, errors):
        page.goto(call[0])
        live(page)
        assert urlsplit(page.url)._replace(netloc="").geturl() == "http:///"
        page.go_back()
        assert page.url == "about:blank"
        assert errors == []


def test_a_link_of_another_site_opens_the_page_and_shows_that_site_nothing(
    browser: Browser, call: tuple[str, Path]
) -> None:
    with (
        OtherSite(call[0]) as site,
        opened(browser, call[0]) as (page, _),
    ):  # what is refused, the browser calls an error
        live(page)
        page.goto(site.url)
        shown = "[...document.images].map((image) => image.complete && image.naturalWidth)"
        until(page, "refused pictures", lambda: page.evaluate(shown) in ([0, 0], [False, 0], [0, False]))
        page.context.clear_cookies()
        page.click("a")
        live(page)
        assert urlsplit(page.url).query == ""
        page.reload()
        live(page)
        page.click("#privacy")
        until(page, "the alarm", lambda: page.is_visible("#alarm"))
        page.click("#privacy")
        until(page, "privacy", lambda: not page.is_visible("#alarm"))


def test_without_the_token_there_is_one_line_and_no_picture(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0].partition("?")[0]) as (page, _):
        assert (
            page.inner_text("body").strip()
            == "expected the token: open the whole address that onlyme printed, with its ?token="
        )
        assert page.context.cookies() == []


def test_that_everybody_is_shown_is_said(browser: Browser, call: tuple[str, Path]) -> None:
    with opened(browser, call[0]) as (page, errors):
        live(page)
        everybody = page.locator("button", has_text="Everybody")
        everybody.click()
        until(page, "the banner", lambda: page.is_visible("#alarm"))
        assert page.inner_text("#alarm").startswith("Everybody is shown: ")
        assert page.inner_text("#privacy") == "Privacy is on"
        assert everybody.get_attribute("aria-pressed") == "true"
        red, _, blue = page.evaluate("getComputedStyle(document.querySelector('#bar')).backgroundColor.match(/\\d+/g)")
        assert int(red) > 200 and int(blue) < 60, "amber"
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        everybody.click()
        until(page, "no banner", lambda: not page.is_visible("#alarm"))
        assert page.inner_text("#privacy") == "Privacy is on"
        assert everybody.get_attribute("aria-pressed") == "false"
        assert errors == []


def has_issued(shower: Shower, count: int) -> bool:
    return len(shower.issued) == count


def is_level(page: Page, level: int) -> bool:
    return bool(abs(pixels(page)[40:120].mean() - level) < 8)


def is_live_and_painted(page: Page) -> bool:
    return is_live(page) and painted(page) > 100


def test_ten_pages_of_one_browser_are_live_and_each_has_its_controls(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, browser.new_context() as context:
        shower.period_s = 0.2  # ten pages are painted on this machine
        pages = [context.new_page() for _ in range(10)]
        for page in pages:
            page.goto(shower.url)
        for page in pages:
            until(page, "a live picture", partial(is_live_and_painted, page))
        assert not any(page.evaluate("document.hidden") for page in pages)
        until(page, "ten viewers", lambda: page.inner_text("#watching") == "10")
        for number, page in enumerate(pages, 1):
            page.keyboard.press("n")
            until(page, "the command", partial(has_issued, shower, number))


def hide(page: Page, hidden: bool) -> None:
    """What a browser does to a page when another tab comes before it: a headless one has no tab that is hidden."""
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def painted(page: Page) -> float:
    """Return the mean level of what the page has drawn, 0 where it has drawn nothing, also under a cover."""
    draws = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    level: float = page.locator("#picture").evaluate(
        f"(canvas) => {{ const data = ({draws})(canvas); return data.reduce((a, b) => a + b, 0) / data.length; }}"
    )
    return level


def test_a_hidden_page_takes_no_picture_and_keeps_none(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        hide(page, True)
        until(page, "the pause", lambda: page.inner_text("#cover") == "paused while this tab is hidden")
        assert painted(page) == 0
        wait_for("nobody", lambda: not shower.watching)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(700)
        assert asked == []
        hide(page, False)
        live(page)
        assert page.is_enabled("#privacy") and errors == []


@pytest.mark.screen
def test_only_the_tab_in_front_takes_pictures(run_dir: Path, tmp_path: Path, screen: str) -> None:
    env = {**os.environ, "DISPLAY": screen}
    command = [str(CHROMIUM), "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}"]
    with Shower(run_dir) as shower:
        chromium = subprocess.Popen([*command, shower.url, shower.url], env=env, stderr=subprocess.DEVNULL)
        try:
            wait_for("a page", lambda: shower.watching, patience_s=30)
            (front,) = shower.watching
            pressed_at = 0.0

            def is_another_alone() -> bool:
                nonlocal pressed_at
                if time.monotonic() - pressed_at > 4:  # the other tab may not be there yet
                    pressed_at = time.monotonic()
                    subprocess.run(["xdotool", "key", "ctrl+Tab"], env=env, check=True)
                return len(shower.watching) == 1 and front not in shower.watching

            wait_for("the other page alone", is_another_alone, patience_s=10)
            shown, asked = shower.shown, set[int]()
            while shower.shown < shown + 60:
                asked |= shower.watching
                time.sleep(0.05)
            assert front not in asked
        finally:
            chromium.terminate()
            chromium.wait()


def test_the_newest_picture_is_shown_though_no_other_follows(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        shower.period_s = 3600
        page.wait_for_timeout(200)  # its loop rests now
        for level in (0, 250, 100):
            shower.show(level)
            until(page, f"level {level}", partial(is_level, page, level))
        page.wait_for_timeout(3000)
        assert is_live(page), "the call has answered, though without another picture"
        assert errors == []


def test_a_call_that_says_nothing_is_not_shown(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, _):
        live(page)
        page.route("**/newest.jpg*", lambda route: None)  # as a server that stands still
        silent = time.monotonic()
        until(page, "the loss", lambda: page.inner_text("#cover") == "connection lost: trying again")
        assert as_if_idle(time.monotonic() - silent) < 2.5
        assert painted(page) == 0 and page.is_disabled("#privacy")
        page.unroute("**/newest.jpg*")
        live(page)


def test_keys_pressed_after_a_loss_only_hide(browser: Browser, run_dir: Path) -> None:
    """Nobody sees then which picture a command would change."""
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, _):
        live(page)
        page.route("**/newest.jpg*", lambda route: route.fulfill(status=503))
        until(page, "the loss", lambda: page.inner_text("#cover") == "the call does not answer yet: trying again")
        page.keyboard.press("p")
        page.keyboard.press("a")
        until(page, "both commands", lambda: len(shower.issued) == 2)
        commands = [issued.command for issued in shower.issued]
        assert SetPrivacy(True) in commands and SelectSubject(SelectSubject.ONE) in commands
        page.unroute("**/newest.jpg*")
        live(page)
        page.keyboard.press("p")
        until(page, "the command", lambda: len(shower.issued) == 3)
        assert shower.issued[-1].command == SetPrivacy(False), "over a picture the key turns privacy off"


def test_a_picture_that_cannot_be_read_is_not_shown_and_not_the_one_before(browser: Browser, run_dir: Path) -> None:
    facts = '{"state": "live", "privacy": true}'
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, _):
        live(page)
        page.route(
            "**/newest.jpg*",
            lambda route: route.fulfill(
                body=b"\xff\xd8\xff",
                headers={"Onlyme-Facts": facts, "Onlyme-Number": "9", "Content-Type": "image/jpeg"},
            ),
        )
        until(page, "the loss", lambda: page.inner_text("#cover") == "connection lost: trying again")
        assert painted(page) == 0


def test_facts_of_another_picture_are_not_told_of_the_one_that_is_shown(browser: Browser, run_dir: Path) -> None:
    """As where a proxy asks a restarted display, or nobody watched for a while: the answer holds facts and no picture."""
    headers = {"Onlyme-Facts": '{"state": "live", "reason": "", "privacy": true}', "Onlyme-Number": "0"}
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        page.route("**/newest.jpg*", lambda route: route.fulfill(status=204, headers=headers))
        until(page, "no picture", lambda: page.inner_text("#cover") == "waiting for a picture")
        assert page.inner_text("#state") == "waiting for a picture" and painted(page) == 0
        page.unroute("**/newest.jpg*")
        live(page)
        assert errors == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "this page's token is no longer valid: open the address that onlyme printed"),
        (503, "the call does not answer yet: trying again"),
        (418, "refused (418): trying again"),
    ],
)
def test_a_refusal_is_said_and_the_page_tries_again(status: int, said: str, browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, _):
        live(page)
        page.route("**/newest.jpg*", lambda route: route.fulfill(status=status, body="<html>a proxy's words</html>"))
        until(page, "the reason", lambda: page.inner_text("#cover") == said)
        assert page.inner_text("#state") == said and painted(page) == 0
        page.unroute("**/newest.jpg*")
        live(page)


def test_two_calls_in_one_browser_have_their_own_controls(browser: Browser, run_dir: Path, tmp_path: Path) -> None:
    with Shower(run_dir) as one, Shower(tmp_path) as two, opened(browser, one.url) as (first, errors):
        live(first)
        second = first.context.new_page()
        second.goto(two.url)
        live(second)
        for page, call in ((first, one), (second, two)):
            page.reload()
            live(page)
            page.keyboard.press("n")
            until(page, "the command", partial(has_issued, call, 1))
        assert (len(one.issued), len(two.issued)) == (1, 1)
        assert errors == []


class Forwarder(Background):
    """Another port that leads to the page, as `ssh -L` makes one."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._to = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._ends: dict[socket.socket, socket.socket] = {}
        self._forgotten: dict[socket.socket, socket.socket] = {}
        self.most_bytes, self.pause_s = 65536, 0.0  # in one turn, and after it

    def run(self) -> None:
        """See Background."""
        while not self.stopping.is_set():
            readable, _, _ = select.select([self._listening, *self._ends], [], [], 0.02)
            for plain in readable:
                if plain is self._listening:
                    here, there = plain.accept()[0], socket.create_connection(self._to)
                    self._ends |= {here: there, there: here}
                elif plain in self._ends:
                    self._hand_on(plain)
        for plain in (self._listening, *self._ends, *self._forgotten):
            plain.close()

    def kill(self) -> None:
        """What is connected now stays open and is never heard of again; newcomers are served."""
        self._forgotten, self._ends = self._ends, {}

    def _hand_on(self, plain: socket.socket) -> None:
        try:
            data = plain.recv(self.most_bytes)
            time.sleep(self.pause_s)
            self._ends[plain].sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in (self._ends.pop(plain), plain):
                self._ends.pop(end, None)
                end.close()


def test_a_forwarded_port_opens_the_page_and_a_dead_connection_is_replaced(
    browser: Browser, call: tuple[str, Path]
) -> None:
    page_port = urlsplit(call[0]).port
    assert page_port is not None
    with (
        Forwarder(page_port) as forwarder,
        opened(browser, call[0].replace(str(page_port), str(forwarder.port))) as (page, _),
    ):
        live(page)
        page.keyboard.press("a")
        until(page, "the banner", lambda: page.is_visible("#alarm"))
        page.keyboard.press("a")
        until(page, "no banner", lambda: not page.is_visible("#alarm"))
        forwarder.kill()
        until(page, "the loss", lambda: page.inner_text("#cover").startswith("connection lost"))
        live(page)


def test_a_slow_connection_shows_no_old_picture_and_each_new_one(browser: Browser, run_dir: Path) -> None:
    with (
        Shower(run_dir) as shower,
        Forwarder(shower.port) as forwarder,
        opened(browser, shower.url.replace(str(shower.port), str(forwarder.port))) as (page, _),
    ):
        live(page)
        shower.picture = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)  # 80 kB
        forwarder.most_bytes, forwarder.pause_s = 512, 0.03
        until(
            page, "the reason", lambda: page.inner_text("#cover") == "the connection is slow: waiting for the picture"
        )
        assert painted(page) == 0
        until(page, "a picture", lambda: is_live_and_painted(page))
        forwarder.most_bytes, forwarder.pause_s = 65536, 0


def test_what_is_refused_stands_on_the_page(browser: Browser, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server itself refuses: through Playwright's routes an answer takes several times as long."""
    answers = Answers()
    monkeypatch.setattr("display.web.actions.refusal_of", answers)
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, _):
        live(page)
        answers.next = HTTPStatus.CONFLICT, "look again"
        press_and_wait(page)
        until(page, "the refusal", lambda: page.inner_text("#refusal") == "Refused: look again")
        answers.next = HTTPStatus.SERVICE_UNAVAILABLE, "<html>a proxy's words</html>"
        press_and_wait(page)
        until(page, "no answer", partial(has_no_answer, page))
        answers.next = None
        until(page, "nothing refused", partial(is_done_at_last, page))
        answers.may_go_on.clear()
        press_and_wait(page)
        until(page, "no answer", partial(has_no_answer, page))
        answers.may_go_on.set()
        until(page, "nothing refused", partial(is_done_at_last, page))


class Answers:
    """What the server answers to commands, in the place of `refusal_of`; while it may not go on, nothing at all."""

    def __init__(self) -> None:
        self.next: tuple[HTTPStatus, str] | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, *_: object) -> tuple[HTTPStatus, str] | None:
        self.may_go_on.wait(60)
        return self.next


def press_and_wait(page: Page) -> None:
    """Press n, and wait until the page has its answer or has given it up."""
    with page.expect_request("**/wish") as asked:
        page.keyboard.press("n")
    asked.value.response()


def has_no_answer(page: Page) -> bool:
    return page.inner_text("#refusal").startswith("The call did not answer.")


def is_done_at_last(page: Page) -> bool:
    """Try again, as the page says: a busy machine may take longer for an answer than the page waits."""
    press_and_wait(page)
    return not page.is_visible("#refusal")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_question_stands_in_the_picture_and_lets_clicks_through(
    browser: Browser, run_dir: Path, viewport: ViewportSize
) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url, viewport) as (page, errors):
        live(page)
        assert not page.is_visible("#question")
        shower.message = replace(shower.MESSAGE, state="hidden", question="is this you? press n or click")
        until(page, "the question", lambda: page.is_visible("#question"))
        assert page.get_by_role("alert").inner_text() == "Is this you? If not, click on yourself."
        question, picture = page.locator("#question").bounding_box(), page.locator("#picture").bounding_box()
        assert question is not None and picture is not None
        assert question["y"] + question["height"] <= picture["y"] + picture["height"] + 1 <= viewport["height"]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.mouse.click(question["x"] + 4, question["y"] + question["height"] / 2)
        until(page, "the click", lambda: len(shower.issued) == 1)
        page.keyboard.press("n")
        until(page, "the key", lambda: len(shower.issued) == 2)
        page.click("#yes")
        until(page, "the button", lambda: len(shower.issued) == 3)
        assert [(type(issued.command).__name__, issued.epoch) for issued in shower.issued] == [
            ("SelectSubjectAt", 2**62 + 1),
            ("SelectSubject", 2**62 + 1),
            ("SelectSubject", 2**62 + 1),
        ]
        shower.message = shower.MESSAGE
        until(page, "no question", lambda: not page.is_visible("#question"))
        assert errors == []


def test_a_page_for_other_machines_cannot_turn_privacy_off_and_says_why(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir, "0.0.0.0") as shower, opened(browser, shower.url) as (page, errors):
        until(page, "the picture", lambda: pixels(page).mean() > 200)
        assert page.is_disabled("#privacy")
        assert page.inner_text("#why").startswith(
            "Privacy off, everybody, what is hidden and recording can be chosen on"
        )
        here = page.locator("[data-here]")
        assert here.count() > 10 and all(here.nth(number).is_disabled() for number in range(here.count()))
        assert not page.is_visible("#mirror-hint"), "the other machine sees what others see"
        page.keyboard.press("p")
        page.keyboard.press("n")
        until(page, "the command", lambda: shower.issued)
        assert [type(issued.command).__name__ for issued in shower.issued] == ["SelectSubject"]
        shower.message = replace(shower.MESSAGE, state="off", reason="turned off by hand", privacy=False)
        until(page, "a card", lambda: pixels(page).mean() < 50)
        assert page.inner_text("#alarm") == "Privacy is off: others see the room and everybody in it."
        page.click("#privacy")
        until(page, "the command", lambda: len(shower.issued) == 2)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert errors == []


def test_a_page_of_a_call_before_says_so_and_a_page_of_this_call_finds_back(
    browser: Browser, run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("display.sinks.web.owner", lambda: "1-2")  # as if one process had started all of these
    with Shower(run_dir) as before, opened(browser, before.url) as (page, _):
        live(page)
        before.__exit__(None, None, None)
        until(page, "the loss", lambda: page.inner_text("#cover").startswith("connection lost"))
        with Shower(tmp_path / "another", port=before.port):
            until(page, "the reason", lambda: "token is no longer valid" in page.inner_text("#cover"))
            assert "open the address that onlyme printed" in page.inner_text("#state")
        with Shower(run_dir, port=before.port):
            live(page)
