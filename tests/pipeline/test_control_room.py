"""Every control of the page, used by mouse and by keyboard in a real browser."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sized
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from common.ipc.messages import FrameComposed
from common.ipc.records import (
    Command,
    ResetStyle,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
    Style,
)
from common.runtime.user_folder import background_image
from common.settings.loader import read_settings
from common.settings.saved import saved_file
from compose.settings import ComposeSettings
from display.virtual_cameras import LOOPBACK, PIPEWIRE, VirtualCamera, where_to_choose
from tests.call import free_port, printed_url, read_until, start_call
from tests.pipeline.browser import DESKTOP, PHONE, opened, pixels
from tests.pipeline.shower import Shower, live, until

pytestmark = pytest.mark.browser
SIZES = {
    "desktop": ViewportSize(width=1440, height=900),
    "laptop": ViewportSize(width=1024, height=600),
    "phone": PHONE,
    "phone sideways": ViewportSize(width=844, height=390),
}
IN_VIEW = """selector => {
  const box = document.querySelector(selector).getBoundingClientRect();
  return box.height > 0 && box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test saves is its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


class Use(NamedTuple):
    """How a control is used by mouse and by keyboard, and what that must give.

    keys: Pressed with the focus on the control.
    command: The one that must follow, or its type.
    before: What of a picture is another than usual.
    also: Further controls that are used.
    """

    mouse: Callable[[Page], object]
    keys: tuple[str, ...]
    control: str
    command: Command | type[Command]
    before: Mapping[str, Any] = MappingProxyType({})
    also: tuple[str, ...] = ()


def at(selector: str, x: float) -> Callable[[Page], None]:
    """Click on a control at this share of its width."""

    def click(page: Page) -> None:
        page.locator(selector).scroll_into_view_if_needed()
        box = page.locator(selector).bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 1 + (box["width"] - 2) * x, box["y"] + box["height"] / 2)

    return click


def click(selector: str) -> Callable[[Page], None]:
    return lambda page: page.click(selector)


def choose(value: str) -> Callable[[Page], object]:
    return lambda page: page.select_option("#background", value)


def colour(page: Page) -> None:
    """Choose a colour. The browser draws its menus and colours over the page, where no test can click."""
    page.fill("#colour", "#00ff00")


def confirm(page: Page) -> None:
    page.click("#forget")
    page.click("#forget-yes")


def person(number: int) -> Use:
    """The button of the person with this number."""
    control = f"[data-subject='{number}']"
    return Use(click(control), ("Enter",), control, SelectSubject(number, True))


ASKS = {"state": "hidden", "question": "is this you? press n or click"}
USES = {
    "privacy": Use(click("#privacy"), ("Enter",), "#privacy", SetPrivacy(False)),
    "privacy again": Use(
        click("#privacy"), ("Space",), "#privacy", SetPrivacy(True), {"state": "off", "privacy": False}
    ),
    "yes": Use(click("#yes"), ("Enter",), "#yes", SelectSubject(0, True), ASKS),
    "next": Use(click("#next"), ("Space",), "#next", SelectSubject(0, True)),
    **{f"person {number}": person(number) for number in range(1, 5)},
    "everybody": Use(click("#everybody"), ("Enter",), "#everybody", SelectSubject(SelectSubject.EVERYBODY)),
    "one again": Use(
        click("#everybody"),
        ("Space",),
        "#everybody",
        SelectSubject(SelectSubject.ONE),
        {"state": "everybody", "everybody": True},
    ),
    "people": Use(click("#hide-people"), ("ArrowDown",), "#hide-room", SetHide("people")),
    "room": Use(click("#hide-room"), ("ArrowUp",), "#hide-people", SetHide("room"), {"style": Style(hide="people")}),
    "plain": Use(choose("color"), ("ArrowDown",), "#background", SetBackground("color:2f4f4f")),
    "blurred": Use(
        choose("blur"), ("Home",), "#background", SetBackground("blur"), {"style": Style(background="color:00ff00")}
    ),
    "colour": Use(colour, ("Enter", "ArrowRight", "Enter"), "#colour", SetBackground),
    "upload": Use(click("#upload"), ("Enter",), "#upload", SetBackground("image")),
    "my image": Use(choose("image"), ("End",), "#background", SetBackground("image")),
    "follow": Use(click("#follow"), ("Space",), "#follow", SetFollow(True)),
    "unfollow": Use(click("#follow"), ("Space",), "#follow", SetFollow(False), {"style": Style(follow=True)}),
    "blur": Use(at("#blur", 1), ("End",), "#blur", SetBlur(8.0)),
    "feather": Use(at("#feather", 1), ("End",), "#feather", SetEdge(40.0, 0.0)),
    "margin in": Use(at("#margin", 0), ("Home",), "#margin", SetEdge(3.0, -20.0), {"style": Style(feather=3.0)}),
    "margin out": Use(at("#margin", 1), ("End",), "#margin", SetEdge(0.0, 20.0)),
    "forget": Use(confirm, ("Enter", "Shift+Tab", "Enter"), "#forget", ResetStyle(), also=("#forget-yes",)),
}
TESTED_ALONE = {"#record", "#forget-no"}
CONTROLS = """[...document.querySelectorAll('button, select, input')].map(
  (control) => control.id ? '#' + control.id : `[data-subject='${control.dataset.subject}']`)"""


def has_more_than(found: Sized, number: int) -> bool:
    return len(found) > number


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_every_control_asks_the_call_for_what_it_says(by: str, browser: Browser, run_dir: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.zeros((30, 40, 3), np.uint8))
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        page.on("filechooser", lambda chooser: chooser.set_files(photo))
        live(page)
        for name, use in USES.items():
            shower.message = replace(shower.MESSAGE, **use.before)
            until(page, f"the picture before {name}", partial(is_before, page, shower.message))
            before = len(shower.issued)
            if by == "mouse":
                use.mouse(page)
            else:
                page.focus(use.control)
                for key in use.keys:
                    page.keyboard.press(key)
            until(page, f"the command of {name}", partial(has_more_than, shower.issued, before))
            got = [
                type(issued.command) if isinstance(use.command, type) else issued.command
                for issued in shower.issued[before:]
            ]
            assert got == [use.command], name
            shower.message = shower.MESSAGE
        used = {control for use in USES.values() for control in (use.control, *use.also)} | {"#hide-people"}
        assert used | TESTED_ALONE == {*page.evaluate(CONTROLS)}, "a control that no test uses, or the other way round"
        assert errors == []


def is_before(page: Page, message: FrameComposed) -> bool:
    """Return whether the page shows what a use begins with."""
    return shows(page, message.style) and facts_shown(page, message)


def shows(page: Page, style: Style) -> bool:
    """Return whether the controls say this style."""
    said = page.evaluate(
        "() => ({hide: document.querySelector('[name=hide]:checked').value, follow: document.querySelector('#follow').checked,"
        "feather: Number(document.querySelector('#feather').value), margin: Number(document.querySelector('#margin').value),"
        "blur: Number(document.querySelector('#blur').value), background: document.querySelector('#background').value})"
    )
    return bool(said == {**asdict(style), "background": style.background.partition(":")[0]})


def test_keys_do_what_buttons_do(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        for number, (key, command) in enumerate(
            {
                "n": SelectSubject(0, True),
                **{str(person): SelectSubject(person, True) for person in range(1, 10)},
                "a": SelectSubject(SelectSubject.EVERYBODY),
                "p": SetPrivacy(False),
            }.items(),
            1,
        ):
            page.keyboard.press(key)
            until(page, key, partial(has_more_than, shower.issued, number - 1))
            assert len(shower.issued) == number
            assert shower.issued[-1].command == command
        assert errors == []


def test_the_preview_is_a_mirror_and_clicks_follow_what_is_seen(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        shower.picture[:, :160] = (0, 0, 255)  # red at the left of the camera's picture
        live(page)
        until(page, "red", lambda: pixels(page)[-40:, -20:].mean((0, 1))[2] > 150)
        right, left = pixels(page)[-40:, -20:].mean((0, 1)), pixels(page)[-40:, :20].mean((0, 1))
        assert right[0] < 60 and left[0] > 150, "the red is seen at the right"
        at("#picture", 0.9)(page)
        until(page, "the click", lambda: shower.issued)
        asked = shower.issued[-1].command
        assert isinstance(asked, SelectSubjectAt) and asked.x == pytest.approx(0.1, abs=0.01)
        page.keyboard.press("1")
        until(page, "the key", lambda: len(shower.issued) == 2)
        assert shower.issued[-1].command == SelectSubject(1, True), "the first from the left, as it is seen"
        # words in the picture must not be backwards
        shower.message = replace(shower.MESSAGE, notice="no camera: demo footage")
        until(page, "the notice", lambda: "no camera: demo footage" in page.inner_text("#detail"))
        until(page, "red", lambda: pixels(page)[-40:, :20].mean((0, 1))[0] < 60)
        at("#picture", 0.9)(page)
        until(page, "the click", lambda: len(shower.issued) == 3)
        asked = shower.issued[-1].command
        assert isinstance(asked, SelectSubjectAt) and asked.x == pytest.approx(0.9, abs=0.01)
        assert errors == []


def test_the_thumbnail_is_cut_from_the_picture_and_gone_with_the_subject(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        shower.picture[200:300, 300:400] = (0, 255, 0)
        shower.message = replace(shower.MESSAGE, subject_xyxy=(300 / 640, 200 / 360, 400 / 640, 300 / 360))
        live(page)
        until(page, "the thumbnail", lambda: page.get_attribute("#thumb", "aria-label") == "This person is shown.")
        until(page, "green", lambda: (pixels(page, "#thumb")[20:70, 20:70].mean((0, 1)) - (0, 255, 0)).max() < 40)
        shower.message = replace(shower.MESSAGE, state="hidden", reason="you are not in the picture")
        until(page, "nobody", lambda: page.inner_text("#who") == "Nobody is shown now.")
        until(page, "black", lambda: pixels(page, "#thumb")[20:70, 20:70].mean() < 5)
        shower.message = replace(shower.MESSAGE, state="off", privacy=False)
        until(page, "all", lambda: page.inner_text("#who") == "Everybody and the room are shown.")
        assert errors == []


def test_why_nobody_is_shown_stands_over_the_picture_and_not_in_it(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        assert page.inner_text("#state") == "Only you are shown\nYour room and other people are hidden"
        shower.message = replace(shower.MESSAGE, style=Style(hide="people"))
        until(page, "the words", lambda: page.inner_text("#title") == "You and your room are shown")
        shower.message = replace(shower.MESSAGE, state="hidden", reason="mask older than 750 ms")
        until(page, "the reason", lambda: page.is_visible("#why-hidden"))
        why = "This computer is too busy to find you in time"
        assert page.inner_text("#hidden-detail") == why and page.inner_text("#detail") == why
        drawn = page.evaluate(
            "(() => { const c = document.querySelector('#picture'); const d = c.getContext('2d').getImageData(0, 0, c.width, 170).data;"
            "return d.reduce((a, b) => Math.min(a, b), 255); })()"
        )
        assert drawn > 230, "the picture itself is as it came"
        shower.message = replace(shower.message, everybody=True)
        until(
            page,
            "what is to be",
            lambda: page.inner_text("#alarm").startswith("Nobody is shown now. Everybody is to be"),
        )
        assert page.inner_text("#who") == "Nobody is shown now."
        shower.message = replace(shower.message, state="everybody", reason="")
        until(page, "what is", lambda: page.inner_text("#alarm").startswith("Everybody is shown:"))
        assert page.inner_text("#who") == "Everybody is shown." and not page.is_visible("#why-hidden")
        shower.message = replace(shower.MESSAGE, state="lost", reason="the camera is gone")
        until(page, "the loss", lambda: page.inner_text("#cover") == "No picture: The camera is gone")
        assert not page.is_visible("#why-hidden")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert errors == []


@pytest.mark.parametrize("size", SIZES)
def test_state_and_privacy_are_always_in_view_and_the_picture_leaves_room(
    size: str, browser: Browser, run_dir: Path
) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url, SIZES[size]) as (page, errors):
        states = [
            shower.MESSAGE,
            replace(
                shower.MESSAGE, state="hidden", reason="you are not in the picture", question="is this you? press n"
            ),
            replace(shower.MESSAGE, state="off", privacy=False, reason="turned off by hand"),
        ]
        live(page)
        for message in states:
            shower.message = message
            says = "#alarm" if message.state == "off" else "#state"
            until(page, message.state, partial(page.evaluate, IN_VIEW, says))
            assert page.evaluate(IN_VIEW, "#picture"), "the whole picture is seen at first"
            box = page.locator("#picture").bounding_box()
            assert box is not None and box["height"] <= 0.7 * SIZES[size]["height"] + 1
            page.locator("#record").scroll_into_view_if_needed()
            assert page.evaluate(IN_VIEW, "#record")
            assert page.evaluate(IN_VIEW, "#privacy") and page.evaluate(IN_VIEW, says)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.locator("#stage").scroll_into_view_if_needed()
            page.evaluate("scrollTo(0, 0)")
        assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_anybody_can_use_it_in_light_and_dark(
    scheme: Literal["light", "dark"], size: str, browser: Browser, run_dir: Path
) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url, SIZES[size]) as (page, errors):
        page.emulate_media(color_scheme=scheme)
        live(page)
        for change in (
            {},
            {"state": "off", "privacy": False},
            {"state": "everybody", "everybody": True},
            {
                "state": "hidden",
                "reason": "nobody found",
                "fixed": "blur,hide",
                "question": "is this you? press n or click",
            },
        ):
            shower.message = replace(shower.MESSAGE, **change)
            until(page, str(change), partial(facts_shown, page, shower.message))
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        assert errors == []


def facts_shown(page: Page, message: FrameComposed) -> bool:
    return page.is_visible("#alarm") == (message.state in ("off", "everybody")) and (
        page.is_visible("#question") == bool(message.question)
    )


def test_what_is_fixed_outside_the_page_is_said_and_disabled(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        assert not page.is_visible("#fixed-why")
        shower.message = replace(shower.MESSAGE, fixed="background,hide")
        until(page, "the mark", lambda: page.is_visible("#fixed-why"))
        assert page.is_disabled("#hide-room") and page.is_disabled("#hide-people")
        assert page.is_disabled("#background") and page.is_disabled("#upload") and page.is_disabled("#colour")
        assert page.is_enabled("#blur") and page.is_enabled("#follow") and page.is_enabled("#everybody")
        assert page.inner_text("label[for=background]") == "Behind you fixed"
        assert errors == []


def test_an_image_is_uploaded_checked_and_used(browser: Browser, run_dir: Path, tmp_path: Path) -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    image[:, :200] = (0, 0, 255)
    photo = tmp_path / "photo.webp"
    cv2.imwrite(str(photo), image)
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        assert page.is_disabled("#background option[value=image]")
        page.set_input_files("#upload", photo)
        until(page, "the command", lambda: shower.issued)
        assert [issued.command for issued in shower.issued] == [SetBackground("image")]
        kept = np.asarray(cv2.imread(str(background_image())))
        assert kept.shape == image.shape and np.abs(kept.astype(int) - image).mean() < 8
        assert background_image().stat().st_mode & 0o777 == 0o600
        (tmp_path / "text.png").write_text("no image")
        page.set_input_files("#upload", tmp_path / "text.png")
        until(page, "the refusal", lambda: "no image that the browser can read" in page.inner_text("#refusal"))
        assert len(shower.issued) == 1 and errors == []


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_recording_begins_and_ends_on_the_page(by: str, browser: Browser, run_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "films" / "call.mp4"

    def press(page: Page) -> None:
        if by == "mouse":
            page.click("#record")
        else:
            page.focus("#record")
            page.keyboard.press("Enter")

    with Shower(run_dir, out=out) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        assert not page.is_visible("#recording-mark")
        press(page)
        until(page, "the file", lambda: page.inner_text("#recorded") == f"Recording to {out}")
        assert page.is_visible("#recording-mark") and page.inner_text("#record") == "Stop recording"
        shown = shower.shown
        until(page, "pictures", lambda: shower.shown > shown + 20)
        press(page)
        until(page, "the end", lambda: not page.is_visible("#recording-mark"))
        assert page.inner_text("#recorded") == f"The recording is in {out}"
        assert errors == []
    film = cv2.VideoCapture(str(out))
    first = film.read()[1]
    assert first is not None and first.shape == (360, 640, 3) and abs(first[40:120].mean() - 255) < 8
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) >= 15


def test_a_recording_that_cannot_be_written_is_said_and_the_page_goes_on(
    browser: Browser, run_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "films").write_text("no folder")
    with Shower(run_dir, out=tmp_path / "films" / "call.mp4") as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        page.click("#record")
        until(
            page, "the reason", lambda: page.inner_text("#recorded").startswith("Recording has stopped: --out: cannot")
        )
        assert not page.is_visible("#recording-mark") and page.inner_text("#record") == "Start recording"
        live(page)
        assert errors == []


def test_the_page_says_what_to_choose_in_a_meeting(
    browser: Browser, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[VirtualCamera] = []
    monkeypatch.setattr("display.web.actions.virtual_cameras", lambda _: found)

    def lines(page: Page) -> dict[str, str]:
        names, said = (page.locator(f"#choose {kind}").all_inner_texts() for kind in ("dt", "dd"))
        return dict(zip(names, said, strict=True))

    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        until(page, "no camera", lambda: page.inner_text("#cameras").startswith("No virtual camera is here yet."))
        assert lines(page) == {}
        found.append(VirtualCamera(LOOPBACK, "/dev/video4", "OBS <b>Camera</b>", is_fed=False))
        until(page, "a camera that comes", lambda: "OBS <b>Camera</b> (/dev/video4)" in page.inner_text("#cameras"))
        assert lines(page) == where_to_choose(LOOPBACK, "OBS <b>Camera</b>")
        found.append(VirtualCamera(PIPEWIRE, "me", "me", is_fed=True))
        until(page, "the call's own", lambda: page.inner_text("#cameras").endswith(", me (PipeWire)."))
        assert lines(page) == where_to_choose(PIPEWIRE, "me")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found_by_axe = Axe().run(page)
        assert found_by_axe.violations_count == 0, found_by_axe.generate_report()
        assert errors == []


def test_what_is_chosen_on_the_page_is_there_in_the_next_call(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "source": "demo", "width": 640, "height": 360, "sink": "web", "web": f"127.0.0.1:{free_port()}", "feather": "2",
    }  # fmt: skip
    with start_call(settings, tmp_path / "a") as running:
        with opened(browser, printed_url(read_until(running, "?token="))) as (page, errors):
            live(page)
            assert page.is_disabled("#feather") and page.is_enabled("#margin"), "a variable of the environment fixes it"
            page.fill("#colour", "#00ff00")
            page.dispatch_event("#colour", "change")
            page.focus("#blur")
            page.keyboard.press("End")
            page.click("#follow")
            page.click("#everybody")
            until(page, "everybody", lambda: page.is_visible("#alarm"))
            page.click("#privacy")
            until(page, "privacy off", lambda: page.inner_text("#alarm").startswith("Privacy is off"))
            assert errors == []
        running.terminate()
        running.communicate(timeout=60)
    kept = tomllib.loads(saved_file().read_text())
    assert kept == {"background": "color:00ff00", "blur": 8.0, "follow": True}
    assert read_settings(ComposeSettings, "test", [], {}, Path("none")).background == "color:00ff00"
    with start_call(settings, tmp_path / "b") as running:
        with opened(browser, printed_url(read_until(running, "?token="))) as (page, errors):
            live(page)
            until(page, "the style", partial(shows, page, Style("room", True, 2.0, 0.0, 8.0, "color:00ff00")))
            assert page.inner_text("#privacy") == "Privacy is on", "privacy off is not kept"
            until(page, "green", lambda: (np.abs(pixels(page).astype(int) - (0, 255, 0)).max(-1) < 40).mean() > 0.3)
            confirm(page)
            until(page, "the style of the environment", lambda: page.input_value("#background") == "blur")
            until(page, "the slider", lambda: float(page.input_value("#blur")) < 2)
            assert page.input_value("#feather") == "2" and not page.is_checked("#follow")
            assert not saved_file().exists()
            assert errors == []
        running.terminate()
        running.communicate(timeout=60)


def test_what_is_saved_is_forgotten_once_that_is_confirmed(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir) as shower, opened(browser, shower.url) as (page, errors):
        live(page)
        page.click("#hide-people")
        until(page, "the file", lambda: saved_file().exists())
        for refuse in (partial(page.click, "#forget-no"), partial(page.keyboard.press, "Escape")):
            page.focus("#forget")
            page.keyboard.press("Enter")
            assert page.is_visible("#forget-asked")
            assert page.evaluate("document.activeElement.id") == "forget-no", "a key too much forgets nothing"
            page.keyboard.press("n")  # as for “no”: it must not choose another person
            refuse()
            assert not page.is_visible("#forget-asked")
            assert page.evaluate("document.activeElement.id") == "forget"
        assert len(shower.issued) == 1 and saved_file().exists()
        confirm(page)
        until(page, "the answer", lambda: page.inner_text("#kept").startswith("Forgotten."))
        until(page, "the command", lambda: shower.issued[-1].command == ResetStyle())
        assert not saved_file().exists()
        saved_file().mkdir()
        confirm(page)
        until(
            page,
            "the refusal",
            lambda: page.inner_text("#refusal").startswith("Refused: what is saved is still there:"),
        )
        assert len(shower.issued) == 2, "the picture does not say otherwise"
        saved_file().rmdir()
        page.click("#forget")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert len(errors) == 1 and "500" in errors[0], "the browser itself calls the refusal an error"


def test_a_setting_that_cannot_be_saved_is_used_and_said(browser: Browser, run_dir: Path) -> None:
    saved_file().mkdir(parents=True)  # a folder stands where the file should be
    with Shower(run_dir) as shower, opened(browser, shower.url, DESKTOP) as (page, errors):
        live(page)
        page.click("#hide-people")
        until(page, "the command", lambda: shower.issued)
        until(
            page,
            "the note",
            lambda: page.inner_text("#refusal").startswith("Note: used now, but not saved for the next"),
        )
        assert shower.issued[-1].command == SetHide("people")
        assert errors == []


def test_a_page_for_other_machines_is_told_nothing_of_this_one(browser: Browser, run_dir: Path) -> None:
    with Shower(run_dir, "0.0.0.0") as shower, opened(browser, shower.url) as (page, _):
        until(page, "the picture", lambda: pixels(page).mean() > 200)
        asked = """async ([path, type, body]) => (await fetch(path, {method: 'POST', headers: {'Content-Type': type}, body})).status"""
        epoch = str(shower.MESSAGE.frame.epoch)
        for path, kind, body in (
            ("recording", "application/json", "true"),
            ("background", "image/jpeg", "x"),
            *(
                ("wish", "application/json", json.dumps({"epoch": epoch, name: values}))
                for name, values in {"hide": ["people"], "follow": [True], "edge": [1, 1], "blur": [2]}.items()
            ),
        ):
            assert page.evaluate(asked, [path, kind, body]) == 403, body
        assert page.evaluate("async () => (await fetch('cameras')).status") == 403
        assert shower.issued == [] and not saved_file().exists() and not background_image().exists()
