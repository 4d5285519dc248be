from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.redaction.judgements import read_judgements
from common.redaction.spans import Span
from common.redaction.summary import AS_ASKED, SETTLED, Summary, Tally
from compose.every import judge, selector
from compose.who.selection import NOBODY_WANTED
from tests.common.redaction.judged import hidden, line_of, write_judgements


def summary(folder: Path, lines: list[dict[str, Any]]) -> Summary:
    """Return what compose wrote of every frame, summed up."""
    tally = Tally()
    for judgement in read_judgements(write_judgements(folder / "j", lines)):
        tally.add(judgement)
    return tally.summary


def test_frames_are_counted_by_state_and_reason(tmp_path: Path) -> None:
    lines = [
        line_of(0),
        line_of(1, state="everybody"),
        hidden(2, selector.NOBODY),
        hidden(3, selector.ELSEWHERE),
    ]
    found = summary(tmp_path, [*lines, hidden(4, selector.NOBODY)])
    assert (found.frames, found.shown, found.unjudged) == (5, 2, 0)
    assert found.states == {"live": 1, "everybody": 1, "hidden": 3}
    assert list(found.reasons.items()) == [(selector.NOBODY, 2), (selector.ELSEWHERE, 1)]
    assert found.begin_s == 0.0 and found.end_s == pytest.approx(0.5)
    assert [(span.why, span.frames) for span in found.hidden] == [
        (selector.NOBODY, 2),
        (selector.ELSEWHERE, 1),
    ]
    assert found.moments == () and not found.needs_look


@pytest.mark.parametrize("reason", sorted(SETTLED))
def test_nobody_has_to_look_where_it_is_known_why_a_frame_is_hidden(reason: str, tmp_path: Path) -> None:
    found = summary(tmp_path, [hidden(0, reason)])
    assert not found.needs_look and found.unjudged == 0 and found.shown == 0


@pytest.mark.parametrize("reason", [selector.UNSURE, selector.NOBODY_THERE, "no mask yet", "a reason of tomorrow", ""])
def test_a_person_should_look_where_nobody_could_judge(reason: str, tmp_path: Path) -> None:
    found = summary(tmp_path, [line_of(0), hidden(1, reason), hidden(2, reason), line_of(3)])
    assert found.needs_look and found.unjudged == 2 and found.hidden == ()
    (moment,) = found.moments
    assert moment == Span(0.1, moment.end_s, reason, 2) and moment.end_s == pytest.approx(0.3)


def test_a_person_should_look_at_a_doubt_also_where_somebody_is_shown(tmp_path: Path) -> None:
    found = summary(tmp_path, [line_of(0), line_of(1, doubt="check who this is"), line_of(2)])
    assert found.needs_look and found.unjudged == 0
    assert found.moments == (Span(0.1, 0.2, "check who this is", 1),)


def test_a_hidden_frame_in_doubt_is_one_moment(tmp_path: Path) -> None:
    found = summary(tmp_path, [line_of(0), hidden(1, "no mask yet", doubt="look")])
    assert [span.why for span in found.moments] == ["look"] and found.unjudged == 1


def test_settled_reasons_are_those_that_compose_gives() -> None:
    assert {NOBODY_WANTED, selector.NOBODY, selector.ELSEWHERE, selector.TOO_EARLY, judge.NOT_BETWEEN} == SETTLED
    assert AS_ASKED == NOBODY_WANTED
