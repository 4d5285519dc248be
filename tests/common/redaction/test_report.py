from __future__ import annotations

import base64
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from common.errors import UserError
from common.redaction.facts import Facts
from common.redaction.report import write_report
from common.redaction.summary import AS_ASKED
from common.vision.arrays import BgrImage
from tests.capture.sources.films import evenly, number_of, write_film
from tests.common.redaction.judged import FACTS, hidden, line_of, write_judgements

OTHER = [0.0, 0.0, 0.5, 0.5]
HOSTILE = "<script>alert(1)</script>\" onload='x' ${style} $film &amp; \u202e\x00\n.mp4"


class Page(HTMLParser):
    """What a browser finds in a page: elements with attributes, and all text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(folder: Path, lines: list[dict[str, Any]], facts: Facts = FACTS, film: Path | None = None) -> str:
    film = film or write_film(folder / "film.mp4", [line["time_s"] for line in lines])
    write_report(write_judgements(folder / "j", lines), film, facts, folder / "report.html")
    return (folder / "report.html").read_text()


def images(page: Page) -> dict[str, list[BgrImage]]:
    """What its pictures say they show → the pictures."""
    found: dict[str, list[BgrImage]] = {}
    for image in page.all("img"):
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/jpeg;base64"
        jpeg = np.frombuffer(base64.b64decode(data), np.uint8)
        found.setdefault(image["alt"] or "", []).append(np.asarray(cv2.imdecode(jpeg, 1), np.uint8))
    return found


def test_a_report_says_what_became_of_the_recording(tmp_path: Path) -> None:
    lines = [
        line_of(0),
        *(hidden(n, "nobody is found") for n in (1, 2)),
        hidden(3, "no mask yet"),
        line_of(4, doubt="check this"),
    ]
    page = Page(report(tmp_path, lines))
    for said in (
        "visible in 2 of 5 frames (40 %)",
        "2 (nobody is found), 1 (no mask yet)",
        "A person should look at the film at 2 moments, the first at 00:00.3.",
        "00:00.4 to 00:00.5: check this (1 frame)",
        "00:00.1 to 00:00.3: nobody is found (2 frames)",
        "Nobody else was found.",
        *("call.mov", "ab" * 32, "film.mp4", "people, faces", "0.2.0", "12.5 seconds", "--subject", "lock"),
    ):
        assert said in page.text
    assert "./film.mp4#t=0.400" in {link["href"] for link in page.all("a")}


def test_people_are_cut_from_the_film_where_they_are_largest(tmp_path: Path) -> None:
    small = [0.0, 0.0, 0.4, 0.4]
    lines = [
        line_of(number, others=[OTHER if number == 7 else small] if 5 <= number < 10 else []) for number in range(20)
    ]
    lines[9]["others"].append([0.6, 0.6, 1.2, 1.2])
    page = Page(report(tmp_path, lines))
    found = images(page)
    kept = [number_of(picture) for picture in found.pop("Who stays sharp")]
    assert len(kept) == 6 and kept[0] == 0 and kept == sorted(set(kept)) and kept[-1] >= 16
    (first,), (second,) = found["Person 1, as hidden in the film"], found["Person 2, as hidden in the film"]
    assert first.shape == (24, 32, 3) and second.shape == (19, 26, 3), "cut at the picture's edges"
    assert number_of(second) == 9
    assert "1: 00:00.5 to 00:01.0" in page.text and "2: 00:00.9 to 00:01.0" in page.text


def test_time_codes_are_those_of_the_film(tmp_path: Path) -> None:
    lines = [line_of(number, time_s=100 + number / 10, doubt="look" * (number == 5)) for number in range(10)]
    page = Page(report(tmp_path, lines, film=write_film(tmp_path / "film.mp4", evenly(10, 10))))
    assert "00:00.5 to 00:00.6: look" in page.text
    assert number_of(images(page)["Who stays sharp"][0]) == 0


def test_a_moment_shorter_than_a_time_code_has_one(tmp_path: Path) -> None:
    lines = [line_of(0, 0.0), line_of(1, 0.51, doubt="check this"), line_of(2, 0.53)]
    assert "00:00.5: check this (1 frame)" in Page(report(tmp_path, lines)).text


def test_hostile_names_and_texts_are_text(tmp_path: Path) -> None:
    plain = Page(report(tmp_path, [line_of(0, doubt="x"), hidden(1, "y")], replace(FACTS, settings={"a": "b"})))
    facts = Facts(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, 1.0, 1)
    text = report(tmp_path, [line_of(0, doubt=HOSTILE), hidden(1, HOSTILE * 2)], facts, tmp_path / "film.mp4")
    page = Page(text)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert [set(names) for _, names in page.elements] == [set(names) for _, names in plain.elements]
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 9 and "\u202e" not in text and "\x00" not in text
    (film,) = page.all("video")
    assert film["src"] is not None and re.fullmatch(r"\./[\w%.-]+", film["src"])


def test_a_name_that_is_no_utf_8_is_linked_to_and_shown(tmp_path: Path) -> None:
    page = Page(report(tmp_path, [line_of(0)], replace(FACTS, out_name=os.fsdecode(b"caf\xe9.mp4"))))
    (film,) = page.all("video")
    assert film["src"] == "./caf%E9.mp4" and "caf?.mp4" in page.text


def test_nothing_is_asked_of_anybody(tmp_path: Path) -> None:
    page = Page(report(tmp_path, [line_of(0, others=[OTHER], doubt="x"), hidden(1, "y")]))
    addresses = [value or "" for _, names in page.elements for name, value in names.items() if name in ("src", "href")]
    assert len(addresses) > 5 and all(each.startswith(("./film.mp4", "data:image/jpeg;base64,")) for each in addresses)
    assert {"link", "iframe", "object", "form", "base"}.isdisjoint(tag for tag, _ in page.elements)
    assert not [name for _, names in page.elements for name in names if name.startswith(("on", "style", "srcset"))]
    (policy,) = (
        each["content"] or "" for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy


def test_a_report_of_three_hours_stays_small(tmp_path: Path) -> None:
    """Something is the matter everywhere: people come and go, and frames are shown and hidden, all the time."""
    lines = []
    for number in range(10_800):
        others = [[0.0, 0.0, 0.8, 1.0], [0.2, 0.0, 1.0, 1.0]][: number // 3 % 3] if number % 20 else []
        if number % 2:
            lines.append(hidden(number, f"reason {number % 7}", time_s=float(number), others=others))
        else:
            doubt = "look " * 80 * (number % 6 == 0)
            lines.append(line_of(number, float(number), subject=[0, 0, 1, 1], others=others, doubt=doubt))
    text = report(tmp_path, lines, film=write_noise(tmp_path / "film.mp4", len(lines)))
    page = Page(text)
    assert "are the 60 longest of" in page.text and len(page.all("img")) == 66, "all that a report may hold"
    assert 300_000 < len(text.encode()) < 2_000_000


def write_noise(path: Path, count: int) -> Path:
    """A film of one picture a second that no encoder makes small."""
    picture = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=1, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def test_a_recording_of_one_frame_has_a_report(tmp_path: Path) -> None:
    page = Page(report(tmp_path, [line_of(0)]))
    assert "visible in 1 of 1 frame (100 %)" in page.text and len(images(page)["Who stays sharp"]) == 1


def test_nobody_is_kept_where_everybody_is_hidden(tmp_path: Path) -> None:
    page = Page(report(tmp_path, [hidden(number, AS_ASKED, others=[OTHER]) for number in range(3)]))
    assert "Everybody is hidden in all of the 3 frames, as was asked for." in page.text
    assert "Nobody is visible anywhere in this film." in page.text and "No moment was in doubt." in page.text


def test_a_report_is_for_its_user_alone_and_replaces_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    before = os.umask(0)
    try:
        report(tmp_path, [line_of(0)])
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["film.mp4", "j", "report.html"]


def test_broken_judgements_leave_the_report_before_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(UserError, match="line 3: "):
        report(tmp_path, [line_of(0), line_of(5)])
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError):
        report(tmp_path, [line_of(0)])
    assert not list(tmp_path.glob("*.part"))
