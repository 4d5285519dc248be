"""The report of a redaction in a real browser, as it lies on the disk and as a server gives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from common.redaction.facts import Facts
from common.redaction.report import write_report
from tests.capture.sources.films import evenly, write_film
from tests.capture.sources.servers import serve_folder
from tests.common.redaction.judged import hidden, line_of, write_judgements
from tests.pipeline.browser import DESKTOP, PHONE, opened

pytestmark = pytest.mark.browser
NAME = "a<b>&\"'#?%: é.mp4"
FACTS = Facts(NAME, "ab" * 32, NAME, "people, faces", "0.2.0", {"subject": "lock", "x" * 290: "x" * 290}, 3.0, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film and its report, with something in every section."""
    folder = tmp_path_factory.mktemp("redacted")
    lines: list[dict[str, Any]] = [line_of(number, others=[[0.0, 0.2, 0.3, 1.0]]) for number in range(40)]
    lines[10:20] = [hidden(number, "nobody is found") for number in range(10, 20)]
    lines[20:23] = [hidden(number, "it is not sure who this is") for number in range(20, 23)]
    lines[31]["doubt"] = "somebody came close: check who stays visible " + "x" * 200
    film = write_film(folder / NAME, evenly(40, 10))
    write_report(write_judgements(folder / "j", lines), film, FACTS, folder / "report.html")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The address of the report behind a server."""
    with serve_folder(folder) as address:
        yield f"{address}/report.html"


def has_film(page: Page) -> None:
    page.wait_for_function("document.querySelector('video').readyState >= 1")


def test_a_link_jumps_in_the_film_on_the_page(browser: Browser, folder: Path) -> None:
    with opened(browser, (folder / "report.html").as_uri()) as (page, errors):
        has_film(page)
        page.get_by_role("link", name="00:03.1").click()
        page.wait_for_function("document.querySelector('video').currentTime === 3.1")
        assert page.evaluate("document.activeElement.tagName") == "VIDEO" and not page.is_visible("#missing")
        page.get_by_role("link", name="00:02.0").first.press("Enter")
        page.wait_for_function("document.querySelector('video').currentTime === 2")
        assert page.url.endswith("report.html") and errors == []


def test_a_report_behind_a_server_plays_the_film_too(browser: Browser, served: str) -> None:
    with opened(browser, served) as (page, errors):
        has_film(page)
        assert [each for each in errors if "favicon" not in each and "404" not in each] == []


def test_without_script_a_link_opens_the_film_at_the_moment(browser: Browser, folder: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((folder / "report.html").as_uri())
        assert page.is_visible("text=somebody came close") and not page.is_visible("#missing")
        page.get_by_role("link", name="00:03.1").click()
        page.wait_for_url("**#t=3.100")
        assert page.url == (folder / NAME).as_uri() + "#t=3.100"


def test_a_report_without_its_film_says_so(browser: Browser, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes((folder / "report.html").read_bytes())
    with opened(browser, (tmp_path / "report.html").as_uri()) as (page, _):
        page.wait_for_selector("#missing")
        assert not page.is_visible("video") and not page.is_visible("#here")


def test_the_page_asks_for_the_film_and_for_nothing_else(browser: Browser, folder: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((folder / "report.html").as_uri())
        has_film(page)
        assert {url for url in asked if not url.startswith("data:image/jpeg;")} == {
            (folder / "report.html").as_uri(),
            (folder / NAME).as_uri(),
        }
        assert page.evaluate("Array.from(document.images, image => image.naturalWidth > 0)") == [True] * 7


@pytest.mark.parametrize(
    "script", ["<script>document.title = 'owned'</script>", "<img src=x onerror=\"document.title='owned'\">"]
)
def test_a_script_that_got_into_the_page_would_not_run(
    script: str, browser: Browser, folder: Path, tmp_path: Path
) -> None:
    text = (folder / "report.html").read_text()
    for name, page_text in (
        ("with.html", text),
        ("without.html", text.replace("default-src 'none'; ", "").replace("script-src", "x-src")),
    ):
        (tmp_path / name).write_text(page_text.replace("<main>", "<main>" + script))
    for name, is_owned in (("with.html", False), ("without.html", True)):
        with opened(browser, (tmp_path / name).as_uri()) as (page, _):
            assert (page.title() == "owned") == is_owned, "a page is opened once its pictures were tried"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_read_it(
    viewport: ViewportSize, scheme: Literal["light", "dark"], browser: Browser, folder: Path
) -> None:
    with opened(browser, (folder / "report.html").as_uri(), viewport) as (page, _):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
        assert is_dark == (scheme == "dark")


def test_it_prints_without_the_player(browser: Browser, folder: Path) -> None:
    with opened(browser, (folder / "report.html").as_uri()) as (page, _):
        page.emulate_media(media="print", color_scheme="dark")
        assert not page.is_visible("video") and page.is_visible("text=somebody came close")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert len(page.pdf()) > 10_000
