"""When a parent counts its child as stuck, and how long it waits before it starts another."""

from __future__ import annotations

import logging
from collections import deque

import pytest

from common.runtime.heartbeat import Heartbeat
from common.runtime.supervisor import _Child, backoff_after


@pytest.mark.parametrize(
    ("last_beat_s", "silent_since_s", "now_s", "reason"),
    [
        (None, 100.0, 159.9, ""),
        (None, 100.0, 160.1, "its loop had not begun after 60 s"),
        (103.0, 100.0, 107.9, ""),
        (103.0, 100.0, 108.1, "its loop stood still for 5 s"),
        (103.0, 200.0, 204.9, ""),  # the parent was paused until 200, and the child perhaps as well
        (103.0, 200.0, 205.1, "its loop stood still for 5 s"),
    ],
)
def test_the_reason_names_the_limit_that_was_exceeded(
    last_beat_s: float | None, silent_since_s: float, now_s: float, reason: str
) -> None:
    heartbeat = Heartbeat(logging.INFO)
    if last_beat_s is not None:
        heartbeat.beat(last_beat_s)
    assert _Child(0, silent_since_s, heartbeat).stuck_reason(now_s) == reason


@pytest.mark.parametrize(
    ("deaths_s", "backoffs_s"),
    [
        ([0, 1, 2, 3, 4, 5], [0.1, 0.2, 0.4, 0.8, 1.6, None]),
        ([0, 1, 2, 3, 4, 60.9], [0.1, 0.2, 0.4, 0.8, 1.6, 1.6]),  # the first was more than a minute before
        ([0, 61, 122, 183, 244, 305], [0.1] * 6),
    ],
)
def test_each_death_within_a_minute_doubles_the_wait_and_the_sixth_is_the_last(
    deaths_s: list[float], backoffs_s: list[float | None]
) -> None:
    deaths = deque[float]()
    assert [backoff_after(deaths, at) for at in deaths_s] == backoffs_s
