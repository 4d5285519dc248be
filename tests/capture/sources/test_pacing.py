from __future__ import annotations

import pytest

from capture.sources.pacing import (
    JUMP_AFTER_S,
    SHOW_EVERY_S,
    SLIP_AFTER_S,
    STREAM_SLIP_AFTER_S,
    Pacer,
    Timeline,
    Verdict,
    period_of,
)

GAP_S = 1 / 30
START_NS = 10**12


def at(seconds: float) -> int:
    return START_NS + round(seconds * 1e9)


def begun() -> Pacer:
    """A pacer whose first picture, of time 0, was shown at START_NS."""
    pacer = Pacer()
    assert pacer.decide(0.0, GAP_S, START_NS, may_jump=True) is Verdict.SHOW
    return pacer


def times(stamps_s: list[float | None], gap_s: float = 0.5) -> list[float]:
    timeline = Timeline(gap_s)
    return [round(timeline.add(stamp, number), 6) for number, stamp in enumerate(stamps_s)]


@pytest.mark.parametrize(
    ("stamps_s", "expected"),
    [
        ([7.0, 7.2, 7.4, 7.43], [0, 0.2, 0.4, 0.43]),  # a variable rate; the first picture is at 0
        ([None, None, None], [0, 0.5, 1.0]),  # a raw stream has none
        ([0.0, 0.2, None, 0.6], [0, 0.2, 0.4, 0.6]),
        ([0.0, 0.2, 0.2, 0.4], [0, 0.2, 0.4, 0.6]),  # a doubled one
        ([5.0, 5.2, 0.0, 0.2], [0, 0.2, 0.4, 0.6]),  # recorded by a device that was restarted
        ([5.0, 5.2, 95_000.0, 95_000.2], [0, 0.2, 0.4, 0.6]),  # the clock of MPEG begins again every 26 h
    ],
)
def test_timestamps_become_seconds_since_the_first_picture(stamps_s: list[float | None], expected: list[float]) -> None:
    assert times(stamps_s) == pytest.approx(expected)


def test_a_film_that_begins_again_follows_by_one_gap() -> None:
    timeline = Timeline(0.2)
    assert [round(timeline.add(stamp, number), 6) for number, stamp in enumerate((0.0, 0.1, 0.2))] == [0.0, 0.1, 0.2]
    timeline.begin_again()
    assert [round(timeline.add(stamp, number + 3), 6) for number, stamp in enumerate((0.0, 0.1))] == [0.3, 0.4]


def test_pictures_that_were_left_out_do_not_make_the_gap_longer() -> None:
    timeline = Timeline(0.1)
    timeline.add(0.0, 0)
    assert timeline.add(3.0, 30) == pytest.approx(3.0)
    assert timeline.gap_s == pytest.approx(0.1)
    assert timeline.stamp_at(4.0) == pytest.approx(4.0)


def test_a_picture_on_time_is_shown_when_it_is_due() -> None:
    pacer = begun()
    assert pacer.decide(0.2, GAP_S, at(0.1), may_jump=True) is Verdict.SHOW
    assert pacer.due_ns(0.2, at(0.1)) == at(0.2)


def test_a_picture_is_left_out_if_the_next_one_is_due() -> None:
    pacer = begun()
    assert pacer.decide(GAP_S, GAP_S, at(GAP_S * 1.9), may_jump=True) is Verdict.SHOW
    assert pacer.decide(GAP_S * 2, GAP_S, at(GAP_S * 3.1), may_jump=True) is Verdict.SKIP


def test_however_late_a_film_is_it_shows_some_pictures() -> None:
    pacer = begun()
    assert pacer.decide(GAP_S, GAP_S, at(GAP_S + SHOW_EVERY_S + 0.1), may_jump=True) is Verdict.SHOW


def test_a_slow_film_is_not_late_before_its_next_picture_is_due() -> None:
    assert begun().decide(2.0, 2.0, at(3.9), may_jump=True) is Verdict.SHOW


def test_a_film_that_is_too_late_jumps_to_what_is_due() -> None:
    pacer, now_ns = begun(), at(1.0 + JUMP_AFTER_S + 0.1)
    assert pacer.decide(1.0, GAP_S, now_ns, may_jump=True) is Verdict.JUMP
    assert pacer.time_due_s(now_ns) == pytest.approx(1.6)


def test_where_it_cannot_jump_the_clock_slips_in_the_end() -> None:
    pacer = begun()
    late_ns = at(1.0 + SLIP_AFTER_S + 0.1)
    assert pacer.decide(1.0, GAP_S, late_ns, may_jump=False) is Verdict.SHOW
    assert pacer.due_ns(1.0, late_ns) == pytest.approx(late_ns, abs=10)
    assert pacer.decide(1.0 + GAP_S, GAP_S, late_ns, may_jump=True) is Verdict.SHOW, "it is on time again"


@pytest.mark.parametrize(
    ("stamps_s", "period_s"),
    [([0.0, 0.2, 0.4, 0.41], 0.2), ([4.0, 0.0, 2.0], 2.0), ([0.0, 0.0, 1.0], 1.0), ([3.0], None), ([], None)],
)
def test_the_period_is_the_median_gap(stamps_s: list[float], period_s: float | None) -> None:
    assert period_of(stamps_s) == (None if period_s is None else pytest.approx(period_s))


def test_a_stream_that_was_late_slips_at_once() -> None:
    pacer = Pacer(STREAM_SLIP_AFTER_S)
    pacer.decide(0.0, GAP_S, START_NS, may_jump=False)
    late_ns = at(1.0 + STREAM_SLIP_AFTER_S + 0.1)
    assert pacer.decide(1.0, GAP_S, late_ns, may_jump=False) is Verdict.SHOW
    assert pacer.due_ns(1.0 + GAP_S, late_ns) == pytest.approx(late_ns + GAP_S * 1e9, abs=10)
