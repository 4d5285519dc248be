"""Writes the report of a redacted recording: one HTML page that needs nothing but the film beside it.

The page asks nobody for anything: a Content-Security-Policy allows the page's own style and script by their hashes, pictures that
are part of the page, and the film. Names, settings and reasons may hold anything, and become text.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple
from urllib.parse import quote

from common.redaction.facts import Facts
from common.redaction.judgements import Box, Judgement, read_judgements
from common.redaction.people import Appearance, EvenSample, Follower
from common.redaction.spans import Span, few
from common.redaction.summary import Summary, Tally, is_unjudged
from common.redaction.thumbnails import Cut, Film
from common.redaction.timeline import COLUMNS, HEIGHT, Lane, Timeline, path_of
from common.redaction.words import counted, duration, outcome, percent, time_code, verdict
from common.runtime.private_files import write_private
from common.settings.base import flag_of

PAGE = Path(__file__).parent / "page"
MOST_SPANS = 200  # in one list
MOST_PEOPLE, MOST_SHARP = 60, 6  # thumbnails
PERSON_SIDE, SHARP_SIDE = 160, 320  # pixels
MOST_LETTERS = 300  # of one text
MARGIN = 0.1  # around who stays sharp, as a share of their box
AXIS_PARTS = 6
LANES = {
    Lane.SHOWN: "Visible: who stays sharp",
    Lane.HIDDEN: "Hidden completely",
    Lane.OTHERS: "Other people in the picture, who are hidden",
    Lane.LOOK: "A person should look",
}


class Sharp(NamedTuple):
    """A frame in which somebody is visible, and the part of it that holds them."""

    time_s: float
    box: Box


class Account:
    """Everything the report says about the judgements, collected in one pass."""

    def __init__(self) -> None:
        self.tally, self.timeline, self.others = Tally(), Timeline(), Follower()
        self.sharp: EvenSample[Sharp] = EvenSample(MOST_SHARP)

    def add(self, judgement: Judgement) -> None:
        """Take the next frame."""
        begin_s, end_s = judgement.time_s, judgement.end_s
        self.tally.add(judgement)
        lanes = Lane.SHOWN if judgement.is_shown else Lane.HIDDEN
        lanes |= Lane.LOOK if judgement.doubt or is_unjudged(judgement) else Lane(0)
        lanes |= Lane.OTHERS if judgement.others else Lane(0)
        self.timeline.add(begin_s, end_s, lanes)
        self.others.add(begin_s, end_s, judgement.others)
        if judgement.is_shown:
            self.sharp.add(Sharp(begin_s, padded(judgement.subject or (0.0, 0.0, 1.0, 1.0))))


def write_report(judgements: Path, film: Path, facts: Facts, into: Path) -> Summary:
    """Write the report, whole or not at all, for this user alone. Return what it says in short.

    Args:
        judgements: What compose wrote of every frame.
        film: The finished film, from which the thumbnails are cut. Its name on the page is `facts.out_name`.
        facts: What else the report says.
        into: The HTML file; it lies beside the film.

    Raises:
        UserError: A line of `judgements` is broken, or the film holds no picture.
        OSError: A file cannot be read or written.
        FFmpegError: The film cannot be read.
    """
    account = Account()
    for judgement in read_judgements(judgements):
        account.add(judgement)
    summary = account.tally.summary
    with contextlib.closing(Film(film)) as opened:
        page = _page(account, summary, opened, facts)
    write_private(into, page.encode())
    return summary


def padded(box: Box) -> Box:
    """Return a box with a margin, cut at the picture's edges."""
    x, y = MARGIN * (box[2] - box[0]), MARGIN * (box[3] - box[1])
    return max(0.0, box[0] - x), max(0.0, box[1] - y), min(1.0, box[2] + x), min(1.0, box[3] + y)


def escaped(value: object) -> str:
    """Return any value as text of the page, with "?" for each character that cannot be printed."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(value))
    return html.escape(text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…")


def _page(account: Account, summary: Summary, film: Film, facts: Facts) -> str:
    jumps = Jumps(facts.out_name, film.begin_s - summary.begin_s)
    people = _listed(account.others.appearances)
    sharp = account.sharp.pick()
    cuts = [Cut(jumps.film_s(each.largest_s), each.largest, PERSON_SIDE) for each in people]
    cuts += [Cut(jumps.film_s(each.time_s), each.box, SHARP_SIDE) for each in sharp]
    pictures = film.cut_out(cuts)
    style, script = ((PAGE / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return Template((PAGE / "report.html").read_text(encoding="utf-8")).substitute(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        film=jumps.film,
        out_name=escaped(facts.out_name),
        source_name=escaped(facts.source_name),
        outcome_class="look" if summary.needs_look else "good",
        verdict=escaped(verdict(summary, jumps.shift_s)),
        outcome=escaped(outcome(summary)),
        moments=_spans(summary.moments, jumps, "Nowhere: no moment was in doubt."),
        hidden=_spans(
            summary.hidden, jumps, "None, but for those where a person should look." if summary.unjudged else "None."
        ),
        lanes="".join(_lane(account.timeline, lane) for lane in LANES),
        axis=_axis(summary, jumps),
        sharp=_sharp(sharp, pictures[len(people) :], jumps),
        others=_others(people, pictures, len(account.others.appearances), jumps),
        facts=_terms(_facts(facts, summary)),
        settings=_terms((flag_of(name), value or "nothing") for name, value in sorted(facts.settings.items())),
    )


class Jumps:
    """Makes links to moments of the film.

    Args:
        out_name: The film's name, in the folder of the report.
        shift_s: What is added to a time of the recording to have the film's.
    """

    def __init__(self, out_name: str, shift_s: float) -> None:
        self.film = "./" + quote(os.fsencode(out_name), safe="")  # no character of it ends an attribute
        self.shift_s = shift_s

    def film_s(self, time_s: float) -> float:
        """Return the film's time of a time of the recording."""
        return max(0.0, time_s + self.shift_s)

    def part(self, begin_s: float, end_s: float) -> str:
        """Return a link to the beginning of a part of the recording, and the time code of its end where that is another."""
        end = time_code(self.film_s(end_s))
        return self.to(begin_s) + (f" to {end}" if end != time_code(self.film_s(begin_s)) else "")

    def to(self, time_s: float) -> str:
        """Return a link to a time of the recording, with its time code as text."""
        film_s = self.film_s(time_s)
        exact = f"{math.ceil(film_s * 1000 - 1e-6) / 1000:.3f}"  # never before the frame
        return f'<a href="{self.film}#t={exact}" data-at="{exact}">{time_code(film_s)}</a>'


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _listed(appearances: Sequence[Appearance]) -> list[Appearance]:
    """Return those who get a thumbnail, in the order of their coming: who was there longest."""
    longest = sorted(appearances, key=lambda each: each.first_s - each.last_s)[:MOST_PEOPLE]
    return sorted(longest, key=lambda each: each.first_s)


def _spans(spans: Sequence[Span], jumps: Jumps, none: str) -> str:
    if not spans:
        return f"<p>{none}</p>"
    found = few(spans, MOST_SPANS)
    items = "".join(
        f"<li>{jumps.part(span.begin_s, span.end_s)}: {escaped(span.why)} "
        f'<span class="soft">({counted(span.frames, "frame")})</span></li>'
        for span in found[:MOST_SPANS]
    )
    left = len(found) - MOST_SPANS
    return f'<ol class="spans">{items}</ol>' + (f"<p>And {counted(left, 'part')} more.</p>" if left > 0 else "")


def _lane(timeline: Timeline, lane: Lane) -> str:
    shares = timeline.shares(lane)
    text = f"{LANES[lane]}: {percent(round(float(shares.mean()), 9), 1.0)} of the time"
    return (
        f'<div class="lane"><p>{text}</p><svg viewBox="0 0 {COLUMNS} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="{(lane.name or "").lower()}" d="{path_of(shares)}"/></svg></div>'
    )


def _axis(summary: Summary, jumps: Jumps) -> str:
    length_s = summary.end_s - summary.begin_s
    times_s = [summary.begin_s + length_s * part / AXIS_PARTS for part in range(AXIS_PARTS + 1)]
    return "".join(f"<li>{jumps.to(time_s)}</li>" for time_s in dict.fromkeys(times_s))  # one frame has one time


def _sharp(sharp: Sequence[Sharp], pictures: Sequence[bytes | None], jumps: Jumps) -> str:
    if not sharp:
        return "<p>Nobody is visible anywhere in this film.</p>"
    items = (
        _thumbnail(picture, "Who stays sharp", jumps.to(each.time_s))
        for each, picture in zip(sharp, pictures, strict=True)
    )
    return f'<ul class="people">{"".join(items)}</ul>'


def _others(people: Sequence[Appearance], pictures: Sequence[bytes | None], total: int, jumps: Jumps) -> str:
    if not people:
        return "<p>Nobody else was found.</p>"
    items = (
        _thumbnail(
            picture,
            f"Person {number}, as hidden in the film",
            f"{number}: {jumps.part(person.first_s, person.last_s)}",
        )
        for number, (person, picture) in enumerate(zip(people, pictures, strict=False), 1)
    )
    said = (
        "As they are hidden in the film. Each entry is one stretch in which somebody could be followed, so a person who left and "
        "came back has several. A picture may show a part of who stays sharp, where the two overlap."
    )
    if total > len(people):
        said += f" These are the {len(people)} longest of {total:,} entries."
    return f'<p>{said}</p><ul class="people">{"".join(items)}</ul>'


def _thumbnail(picture: bytes | None, alt: str, caption: str) -> str:
    image = ""
    if picture is not None:
        image = f'<img src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}" alt="{alt}">'
    return f"<li>{image}<p>{caption}</p></li>"


def _facts(facts: Facts, summary: Summary) -> list[tuple[str, object]]:
    return [
        ("Recording", facts.source_name),
        ("SHA-256 of the recording", facts.source_sha256),
        ("Film", facts.out_name),
        ("Frames", f"{summary.frames:,}"),
        ("Length", duration(summary.end_s - summary.begin_s)),
        ("Version of onlyme", facts.version),
        ("Networks that found the people", facts.model),
        ("Workers at once", facts.workers),
        ("Time taken", duration(facts.seconds)),
    ]


def _terms(pairs: Iterable[tuple[str, object]]) -> str:
    return "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in pairs)
