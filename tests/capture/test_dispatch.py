from __future__ import annotations

import pytest

from capture.dispatch import AT_WORK_S, FORGOTTEN_AFTER_S, Dispatch, is_worth_giving

A, B = b"a", b"b"


def test_each_frame_goes_to_one_worker_and_the_longest_waiting_first() -> None:
    dispatch = Dispatch(cores=2)
    dispatch.ask(A, 0)
    dispatch.ask(B, 0)
    dispatch.ask(A, 0)  # asking twice does not jump the queue
    assert dispatch.next_worker(1, 5, 0) == A
    dispatch.gave(A, 1, 5, 0)
    assert dispatch.next_worker(1, 5, 0) is None
    assert dispatch.next_worker(1, 6, 0) == B
    dispatch.gave(B, 1, 6, 0)
    assert dispatch.next_worker(1, 7, 0) is None, "both are busy"


def test_a_new_epoch_counts_from_zero_again() -> None:
    dispatch = Dispatch(cores=2)
    dispatch.ask(A, 0)
    dispatch.gave(A, 1, 500, 0)
    dispatch.ask(A, 0)
    assert dispatch.next_worker(1, 500, 0) is None
    assert dispatch.next_worker(2, 0, 0) == A


def test_who_is_gone_gets_nothing_and_does_not_count() -> None:
    dispatch = Dispatch(cores=2)
    assert dispatch.workers(0) == 1
    dispatch.ask(A, 0)
    dispatch.ask(B, 3)
    assert dispatch.workers(4) == 2
    assert dispatch.workers(FORGOTTEN_AFTER_S + 1) == 1
    assert dispatch.next_worker(1, 0, 0) == B
    dispatch.lost(B)
    assert dispatch.next_worker(1, 0, 0) is None


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


def test_more_workers_than_cores_take_turns() -> None:
    dispatch = Dispatch(cores=2)
    for worker in (b"a", b"b", b"c"):
        dispatch.ask(worker, 0.0)
    for frame_id, worker in enumerate((b"a", b"b")):
        assert dispatch.next_worker(1, frame_id, 0.0) == worker
        dispatch.gave(worker, 1, frame_id, 0.0)
    assert dispatch.next_worker(1, 2, 0.1) is None, "both cores are taken"
    dispatch.ask(b"b", 0.2)
    assert dispatch.next_worker(1, 2, 0.2) == b"c", "who waits longest"
    dispatch.gave(b"c", 1, 2, 0.2)
    assert dispatch.next_worker(1, 3, 0.3) is None
    dispatch.lost(b"a")
    assert dispatch.next_worker(1, 3, 0.3) == b"b"
    dispatch.gave(b"b", 1, 3, 0.3)
    dispatch.ask(b"d", 0.4)
    assert dispatch.next_worker(1, 4, 0.4) is None
    assert dispatch.next_worker(1, 4, 0.4 + AT_WORK_S) == b"d", "one that never asks again keeps nobody waiting"
