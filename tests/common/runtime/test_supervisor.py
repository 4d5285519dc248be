"""A parent says why it counts its child as stuck: the limit that it names is the one that was exceeded."""

from __future__ import annotations

import logging

import pytest

from common.runtime.heartbeat import Heartbeat
from common.runtime.supervisor import _Child


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
