from __future__ import annotations

from fractions import Fraction
from math import lcm

import pytest

from common.ipc.recording_clock import RECORDING_BEGIN_NS, captured_ns_of
from display.film.stamps import FrameStamps, common_rate, film_time_base, ticks_of


@pytest.mark.parametrize(
    "time_base", [Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 14_112_000), Fraction(1001, 30_000)]
)
@pytest.mark.parametrize("ticks", [0, 1, 7, -3, 123_456_789])
def test_every_stamp_of_a_recording_is_found_again(time_base: Fraction, ticks: int) -> None:
    film = film_time_base(time_base)
    found = ticks_of(captured_ns_of(float(ticks * time_base)), film)
    assert (film.numerator, found * film) == (1, ticks * time_base)


def test_each_frame_has_the_duration_up_to_the_next() -> None:
    stamps = FrameStamps(Fraction(1, 1000))
    found = [stamps.next(captured_ns_of(ms / 1000)) for ms in (40, 80, 81, 5000)]
    assert found == [(40, None), (80, 40), (81, 1), (5000, 4919)]
    assert stamps.delay == 0


def test_a_film_that_begins_before_0_is_later_as_a_whole() -> None:
    stamps = FrameStamps(Fraction(1, 1000))
    assert [stamps.next(captured_ns_of(ms / 1000)) for ms in (-40, -1, 50)] == [(0, None), (39, 39), (90, 51)]
    assert stamps.delay == 40


def test_frames_on_one_tick_follow_each_other() -> None:
    stamps = FrameStamps(Fraction(1, 25))
    begun = RECORDING_BEGIN_NS
    assert [stamps.next(ns) for ns in (begun, begun + 1, begun + 2, begun + 10**9)] == [
        (0, None), (1, 1), (2, 1), (25, 23),
    ]  # fmt: skip


def test_tracks_share_a_rate_in_which_all_begin_on_a_whole_number() -> None:
    assert common_rate([30_000, 44_100, 48_000]) == lcm(30_000, 44_100, 48_000)
    assert common_rate([14_112_000, 44_117]) == 14_112_000, "MP4 has no room for their common one"
