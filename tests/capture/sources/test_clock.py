from __future__ import annotations

import pytest

from capture.sources.clock import LATE_NS, Clock

S = 1_000_000_000


@pytest.mark.parametrize(
    ("ready_ns", "given_ns"),
    [(S, 2 * S), (2 * S + LATE_NS - 1, 2 * S), (2 * S + LATE_NS, 2 * S + LATE_NS), (4 * S, 4 * S)],
    ids=["early", "a little late", "late", "later than the next"],
)
def test_a_frame_that_is_ready_much_later_than_it_was_due_is_of_that_moment(
    ready_ns: int, given_ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every picture of 8K that took a second to decode was refused as too old."""
    now = [0]
    monkeypatch.setattr("time.monotonic_ns", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + round(s * S)))
    clock = Clock(fps=0.5)
    assert clock.wait_for(0) == 0
    now[0] = ready_ns
    assert clock.wait_for(1) == given_ns
