from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ipc.source_period import LONGEST_NS, SILENT_PERIODS, SourcePeriod

S = 1_000_000_000


def period_of(*frames: tuple[int, float], epoch: int = 1) -> SourcePeriod:
    """Return the period after frames: number, and seconds."""
    period = SourcePeriod()
    for frame_id, captured_s in frames:
        period.add(epoch, frame_id, round(captured_s * S))
    return period


@pytest.mark.parametrize(
    ("frames", "expected_s"),
    [
        ([], 0.0),
        ([(0, 10.0)], 0.0),
        ([(0, 10.0), (1, 11.0)], 1.0),
        ([(0, 10.0), (3, 11.5)], 0.5),
        ([(0, 10.0), (1, 10.1), (2, 12.0)], 0.1),
        ([(0, 10.0), (1, 12.0), (2, 14.1)], 2.0),
        ([(0, 10.0), (1, 12.5), (2, 15.0)], 0.0),
        ([(0, 10.0), (1, 11.0), (1, 11.5), (0, 11.7)], 1.0),
    ],
    ids=["none", "one", "two", "skipped", "one is late", "the slowest", "too slow", "shown again"],
)
def test_the_period_is_the_shorter_of_the_last_two(frames: list[tuple[int, float]], expected_s: float) -> None:
    assert period_of(*frames).ns == round(expected_s * S)


def test_another_epoch_starts_anew() -> None:
    period = period_of((0, 10.0), (1, 12.0))
    period.add(2, 2, 14 * S)
    assert period.ns == 0


def longest_patience_ns(period: SourcePeriod, steps_ns: list[int]) -> int:
    """Return the longest patience after any frame, which come at random times."""
    now_ns, longest_ns = 0, 0
    for frame_id, step_ns in enumerate(steps_ns):
        now_ns += step_ns
        period.add(1, frame_id, now_ns)
        longest_ns = max(longest_ns, period.patience_ns(S // 2))
    return longest_ns


@given(st.lists(st.integers(0, 20 * S), min_size=1, max_size=20))
def test_whatever_the_times_patience_has_an_end(steps_ns: list[int]) -> None:
    assert S // 2 <= longest_patience_ns(SourcePeriod(), steps_ns) <= SILENT_PERIODS * LONGEST_NS


def test_without_its_limit_patience_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("common.ipc.source_period.LONGEST_NS", 1 << 62)
    assert longest_patience_ns(SourcePeriod(), [0, 20 * S]) > SILENT_PERIODS * LONGEST_NS
