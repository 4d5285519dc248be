"""An older mask is good enough only where one person alone has been found for long, and nothing else has come since."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from compose.who.alone import ALONE_NS, Alone
from compose.who.region_state import RegionState

EMPTY = np.zeros((144, 256), np.uint8)
SUBJECT = cv2.rectangle(EMPTY.copy(), (80, 20), (160, 143), 255, -1)
LARGER = cv2.rectangle(EMPTY.copy(), (60, 20), (180, 143), 255, -1)
HALF = cv2.rectangle(EMPTY.copy(), (80, 90), (160, 143), 255, -1)
SOMEBODY = cv2.rectangle(EMPTY.copy(), (10, 40), (30, 143), 255, -1)
STATE = RegionState(1, 33_333_333, SUBJECT, SUBJECT, SUBJECT, EMPTY, EMPTY, EMPTY, 2.0)
PERIOD_NS = 100_000_000


def followed(seconds: float = 2.5) -> Alone:
    alone = Alone()
    for number in range(1 + round(1e9 * seconds / PERIOD_NS)):
        alone.update(number * PERIOD_NS, 1, 0, is_same=number > 0)
    return alone


def test_it_takes_time_to_be_alone() -> None:
    assert not Alone().holds(STATE)
    assert not followed((ALONE_NS - PERIOD_NS) / 1e9).holds(STATE)
    assert followed(ALONE_NS / 1e9).holds(STATE)


@pytest.mark.parametrize("seen", [(2, 0, True), (1, 1, True), (0, 0, False), (1, 0, False)])
def test_whatever_else_a_result_finds_begins_it_anew(seen: tuple[int, int, bool]) -> None:
    alone = followed()
    people, signs, is_same = seen
    alone.update(30 * PERIOD_NS, people, signs, is_same=is_same)
    assert not alone.holds(STATE)
    for number in range(31, 31 + ALONE_NS // PERIOD_NS):
        alone.update(number * PERIOD_NS, 1, 0, is_same=True)
    assert alone.holds(STATE) is (people == 1 and not seen[1])


@pytest.mark.parametrize(
    "now",
    [
        {"others": SOMEBODY},
        {"unassigned": SOMEBODY},
        {"frozen": True},
        {"occlusion_ns": 1},
        {"occluding": True},
        {"subject": LARGER},
        {"subject": HALF},
    ],
)
def test_whatever_the_matte_sees_ends_it(now: dict[str, Any]) -> None:
    alone = followed()
    assert alone.holds(STATE)
    assert not alone.holds(STATE._replace(**now))
    assert alone.holds(STATE)
