from __future__ import annotations

import pytest

from capture.dispatch import BUSY_TIMEOUT_S, FORGOTTEN_AFTER_S, Dispatcher, should_dispatch

A, B = b"a", b"b"


def test_each_frame_goes_to_the_one_worker_that_has_waited_longest() -> None:
    dispatcher = Dispatcher(cores=2)
    dispatcher.request(A, 0)
    dispatcher.request(B, 0)
    dispatcher.request(A, 0)  # a second request does not jump the queue
    assert dispatcher.next_worker(1, 5, 0) == A
    dispatcher.assign(A, 1, 5, 0)
    assert dispatcher.next_worker(1, 5, 0) is None
    assert dispatcher.next_worker(1, 6, 0) == B
    dispatcher.assign(B, 1, 6, 0)
    assert dispatcher.next_worker(1, 7, 0) is None, "both are busy"


def test_a_new_epoch_counts_from_zero_again() -> None:
    dispatcher = Dispatcher(cores=2)
    dispatcher.request(A, 0)
    dispatcher.assign(A, 1, 500, 0)
    dispatcher.request(A, 0)
    assert dispatcher.next_worker(1, 500, 0) is None
    assert dispatcher.next_worker(2, 0, 0) == A


def test_a_worker_that_is_gone_gets_no_frame_and_is_not_counted() -> None:
    dispatcher = Dispatcher(cores=2)
    assert dispatcher.worker_count(0) == 1
    dispatcher.request(A, 0)
    dispatcher.request(B, 3)
    assert dispatcher.worker_count(4) == 2
    assert dispatcher.worker_count(FORGOTTEN_AFTER_S + 1) == 1
    assert dispatcher.next_worker(1, 0, 0) == B
    dispatcher.remove(B)
    assert dispatcher.next_worker(1, 0, 0) is None


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
        (50, 33, True),  # the next one is late: do not wait for it
        (400, 1000, True),
        (600, 1000, False),
    ],
)
def test_an_old_frame_is_not_dispatched_shortly_before_the_next_one(age_ms: int, period_ms: int, given: bool) -> None:
    assert should_dispatch(age_ms * 1_000_000, period_ms * 1_000_000) is given


def test_more_workers_than_cores_take_turns() -> None:
    dispatcher = Dispatcher(cores=2)
    for worker in (b"a", b"b", b"c"):
        dispatcher.request(worker, 0.0)
    for frame_id, worker in enumerate((b"a", b"b")):
        assert dispatcher.next_worker(1, frame_id, 0.0) == worker
        dispatcher.assign(worker, 1, frame_id, 0.0)
    assert dispatcher.next_worker(1, 2, 0.1) is None, "both cores are taken"
    dispatcher.request(b"b", 0.2)
    assert dispatcher.next_worker(1, 2, 0.2) == b"c", "it has waited longest"
    dispatcher.assign(b"c", 1, 2, 0.2)
    assert dispatcher.next_worker(1, 3, 0.3) is None
    dispatcher.remove(b"a")
    assert dispatcher.next_worker(1, 3, 0.3) == b"b"
    dispatcher.assign(b"b", 1, 3, 0.3)
    dispatcher.request(b"d", 0.4)
    assert dispatcher.next_worker(1, 4, 0.4) is None
    assert dispatcher.next_worker(1, 4, 0.4 + BUSY_TIMEOUT_S) == b"d", (
        "a worker that never requests again does not block the others"
    )
