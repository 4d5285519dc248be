from __future__ import annotations

from fractions import Fraction

import pytest

from common.ipc.recording_clock import captured_ns_of, stamp_s_of


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25), Fraction(1), Fraction(90000, 3753)])
@pytest.mark.parametrize("base", [Fraction(1, 90000), Fraction(1, 1000), Fraction(1, 15360)])
def test_a_time_stamp_comes_back_as_the_same_tick(rate: Fraction, base: Fraction) -> None:
    for number in (-3, 0, 1, 2, 29, 1000, 324_000):
        tick = round(number / rate / base)
        assert round(stamp_s_of(captured_ns_of(float(tick * base))) / float(base)) == tick


def test_a_small_negative_time_stamp_is_above_zero() -> None:
    assert 0 < captured_ns_of(-900.0) < captured_ns_of(-0.04) < captured_ns_of(0.0)
