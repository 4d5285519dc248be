from __future__ import annotations

import pytest

from capture.dispatch import FORGOTTEN_AFTER_S, Dispatch, is_worth_giving

A, B = b"a", b"b"


def test_each_frame_goes_to_one_worker_and_the_longest_waiting_first() -> None:
    dispatch = Dispatch()
    dispatch.ask(A, 0)
    dispatch.ask(B, 0)
    dispatch.ask(A, 0)  # asking twice does not jump the queue
    assert dispatch.next_worker(1, 5) == A
    dispatch.gave(A, 1, 5)
    assert dispatch.next_worker(1, 5) is None
    assert dispatch.next_worker(1, 6) == B
    dispatch.gave(B, 1, 6)
    assert dispatch.next_worker(1, 7) is None, "both are busy"


def test_a_new_epoch_counts_from_zero_again() -> None:
    dispatch = Dispatch()
    dispatch.ask(A, 0)
    dispatch.gave(A, 1, 500)
    dispatch.ask(A, 0)
    assert dispatch.next_worker(1, 500) is None
    assert dispatch.next_worker(2, 0) == A


def test_who_is_gone_gets_nothing_and_does_not_count() -> None:
    dispatch = Dispatch()
    assert dispatch.workers(0) == 1
    dispatch.ask(A, 0)
    dispatch.ask(B, 3)
    assert dispatch.workers(4) == 2
    assert dispatch.workers(FORGOTTEN_AFTER_S + 1) == 1
    assert dispatch.next_worker(1, 0) == B
    dispatch.lost(B)
    assert dispatch.next_worker(1, 0) is None


@pytest.mark.parametrize(
    ("age_ms", "period_ms", "given"),
    [
        (0, 0, True),  # the first frame
        (100, 0, True),
        (1, 33, True),
        (16, 33, True),
        (17, 33, False),  # the next one is nearer
        (33, 33, False),
        (49, 33, False),
        (50, 33, True),  # the next one is late: nobody waits for it
        (400, 1000, True),
        (600, 1000, False),
    ],
)
def test_an_old_frame_is_not_begun_shortly_before_the_next(age_ms: int, period_ms: int, given: bool) -> None:
    assert is_worth_giving(age_ms * 1_000_000, period_ms * 1_000_000) is given
