"""The governor: a worker that other programs starve insists, a budget is shared, and compose makes itself lighter in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose.battery import on_battery
from compose.governor import (
    HIGH_HEADROOM,
    MAX_MATTE_EVERY,
    MAX_RETRY_AFTER,
    MIN_HZ,
    RETRY_AFTER,
    RETURN_AFTER_S,
    SLOW_MEASUREMENTS,
    YIELD_AFTER_S,
    Governor,
    Usage,
    allowed_rate,
)

SECOND = Usage(seconds=1.0, cores=1.0, workers=1, skipped=0, composing_s=0.4)


@pytest.mark.parametrize(
    ("looks", "insists"),
    [
        ([], True),  # the first result is what everybody waits for
        ([(0.4, 0.3)], False),  # alone, on two threads
        ([(0.3, 0.3)], False),
        ([(0.1, 0.1), (0.1, 0.1), (0.1, 0.11)], False),
        ([(0.1, 0.1), (0.1, 0.1)], True),  # too little to tell
        ([(0.1, 1.0)], True),  # a tenth of a core
        ([(0.1, 1.0), (0.2, 0.32)], True),  # what it gets then is no reason to give way again
        ([(0.1, 1.0), (0.4, 0.3)], False),  # the others are gone
        ([(0.3, 0.3), (0.2, 0.32)], False),  # between the two it stays
        ([(0.3, 0.3), (0.004, 0.014)], False),  # a short look that met compose
    ],
)
def test_who_is_starved_insists(looks: list[tuple[float, float]], insists: bool) -> None:
    governor = Governor()
    for look in looks:
        governor.record_inference(*look)
    assert governor.orders.insists is insists


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((100, 0.5, 1, 0.1), (5.0, 5 / MIN_HZ)),
        ((100, 0.5, 2, 0.1), (2.5, 5 / MIN_HZ)),
        ((100, 0.5, 1, 0.5), (MIN_HZ, 1 / MIN_HZ)),
        ((50, 0.9, 2, 0.5), (MIN_HZ / 2, 0.0)),
    ],
)
def test_what_is_left_is_shared_and_never_less_than_masks_live_by(
    given: tuple[float, float, int, float], expected: tuple[float, float]
) -> None:
    assert allowed_rate(*given) == pytest.approx(expected)


def test_the_least_rate_keeps_masks_alive() -> None:
    assert 1 / MIN_HZ + 0.25 < 0.75, "interval and look, under the limit of age"


def governed(percent: float, used: Usage, seconds: int = 1, governor: Governor | None = None) -> Governor:
    """A governor after so many seconds of five looks of 0.1 s."""
    governor = governor or Governor()
    for _ in range(seconds):
        for _ in range(5):
            governor.record_inference(0.1, 0.1)
        governor.update(used, percent)
    return governor


def test_a_budget_leaves_to_looks_what_everything_else_does_not_use() -> None:
    # of one core 0.5 are used by the looks themselves, and 0.5 by the rest
    assert governed(100, SECOND).orders.hz == pytest.approx(5.0)
    assert governed(100, SECOND._replace(workers=2)).orders.hz == pytest.approx(2.5)
    assert governed(0, SECOND).orders.hz == 0, "without a budget, as many as it can"
    unknown = Governor()
    unknown.update(SECOND, 100)
    assert unknown.orders.hz == 0, "what a look costs is not known yet"


def test_the_matte_yields_where_the_budget_is_short_and_comes_back() -> None:
    governor = governed(30, SECOND, 4 * YIELD_AFTER_S)
    assert governor.orders.matte_every == MAX_MATTE_EVERY
    between = 50 + 10 * MIN_HZ * (1 + HIGH_HEADROOM) / 2
    assert governed(between, SECOND, 20, governor).orders.matte_every == MAX_MATTE_EVERY, "between the two it stays"
    assert governed(0, SECOND, 3 * RETURN_AFTER_S, governor).orders.matte_every == 1


@pytest.mark.parametrize("behind", [SECOND._replace(skipped=3), SECOND._replace(composing_s=0.95)])
def test_the_matte_yields_where_compose_falls_behind_and_comes_back_without_flutter(behind: Usage) -> None:
    governor = governed(0, behind)
    assert governor.orders.matte_every == 1, "once is chance"
    assert governed(0, behind, YIELD_AFTER_S - 1, governor).orders.matte_every == 2
    busy = SECOND._replace(composing_s=0.7)
    assert governed(0, busy, 30, governor).orders.matte_every == 2, "it would fall behind again"
    assert governed(0, SECOND, RETURN_AFTER_S - 1, governor).orders.matte_every == 2
    assert governed(0, SECOND, 1, governor).orders.matte_every == 1


def test_the_battery_is_asked(tmp_path: Path) -> None:
    assert not on_battery(tmp_path)
    (tmp_path / "BAT0").mkdir()
    for status, is_on in (("Charging", False), ("Discharging", True), ("Full", False)):
        (tmp_path / "BAT0" / "status").write_text(status + "\n")
        assert on_battery(tmp_path) is is_on


def test_the_mask_rcnn_is_left_out_while_looks_take_too_long_and_tried_again_ever_more_rarely() -> None:
    governor = Governor()
    governor.record_inference(0.3, 0.2)  # the first ones, on a machine that is free
    governor.record_inference(0.3, 0.2)
    assert not governor.orders.light
    governor.record_inference(0.2, 0.5)
    assert not governor.orders.light, "once is chance"
    governor.record_inference(0.2, 0.5)
    assert governor.orders.light
    waits = []
    for _ in range(2):
        fed = 0
        while governor.orders.light:
            governor.record_inference(0.3, 0.32)  # of the small networks, which are fed
            fed += 1
        waits.append(fed)
        for _ in range(SLOW_MEASUREMENTS):
            governor.record_inference(0.2, 0.5)
        assert governor.orders.light, "in vain"
    assert waits[0] >= RETRY_AFTER and waits[1] == 2 * waits[0]


def test_after_a_long_time_on_a_free_machine_the_mask_rcnn_is_tried_again_soon() -> None:
    governor = Governor()

    def fed_until_tried() -> int:
        for _ in range(SLOW_MEASUREMENTS):
            governor.record_inference(0.2, 0.5)
        fed = 0
        while governor.orders.light:
            governor.record_inference(0.3, 0.32)
            fed += 1
        return fed

    first, second = fed_until_tried(), fed_until_tried()
    for _ in range(MAX_RETRY_AFTER):
        governor.record_inference(0.3, 0.3)
    assert (first, second, fed_until_tried()) == (RETRY_AFTER, 2 * RETRY_AFTER, RETRY_AFTER)


def test_a_slow_network_on_a_free_machine_is_not_left_out() -> None:
    governor = Governor()
    for _ in range(5):
        governor.record_inference(0.9, 0.6)
    assert not governor.orders.light
