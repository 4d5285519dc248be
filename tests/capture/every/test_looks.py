from __future__ import annotations

import pytest

from capture.every.looks import GIVEN_AGAIN_AFTER_S, LookQueue, LookRule
from common.ipc.records import FrameInfo

A, B = b"a", b"b"


def looks_of(every: int, times_ms: list[int]) -> list[int]:
    rule = LookRule(every)
    last = len(times_ms) - 1
    return [n for n, ms in enumerate(times_ms) if rule.is_look(n, ms * 1_000_000, at_cut=n == last)]


@pytest.mark.parametrize(
    ("every", "times_ms", "looks"),
    [
        (3, [0, 33, 67, 100, 133, 167, 200, 233], [0, 3, 6, 7]),
        (1, [0, 33, 67, 100], [0, 1, 2, 3]),
        (30, [0, 40, 80, 120, 160, 200, 240, 280], [0, 5, 7]),
        (3, [0, 1000, 2000, 3000], [0, 1, 2, 3]),
        (3, [0, 10, 400, 410, 420, 430, 440], [0, 2, 5, 6]),
        (3, [0], [0]),
    ],
    ids=["every third", "every one", "a fifth of a second at least", "a slow source", "a varying one", "one frame"],
)
def test_the_first_and_the_last_frame_and_every_so_many_are_looked_at(
    every: int, times_ms: list[int], looks: list[int]
) -> None:
    assert looks_of(every, times_ms) == looks


def frame(number: int) -> FrameInfo:
    return FrameInfo(1, number, number, number, "s", number, 90, 160)


def given(queue: LookQueue, now_s: float) -> tuple[bytes, int] | None:
    """Who is given which look now; it is given."""
    if (chosen := queue.next(now_s)) is None:
        return None
    queue.give(chosen[0], chosen[1].frame_id, now_s)
    return chosen[0], chosen[1].frame_id


def test_each_look_goes_to_one_idle_worker_in_order() -> None:
    queue = LookQueue()
    for number in (0, 3, 6):
        queue.add(frame(number))
    assert given(queue, 0.0) is None, "nobody is idle"
    queue.request(A)
    queue.request(A)
    queue.request(B)
    assert [given(queue, 0.0), given(queue, 0.0), given(queue, 0.0)] == [(A, 0), (B, 3), None]
    queue.request(B)
    assert [given(queue, 1.0), given(queue, 1.0)] == [(B, 6), None]
    queue.request(A)
    assert given(queue, 1.0) is None, "all are given"


def test_a_worker_that_takes_long_is_not_taken_for_a_dead_one_while_there_are_other_looks() -> None:
    """Where every look took longer than that, idle workers did those of others once more."""
    queue = LookQueue()
    for number in (0, 3):
        queue.add(frame(number))
    queue.request(A)
    assert given(queue, 0.0) == (A, 0)
    queue.request(B)
    assert given(queue, GIVEN_AGAIN_AFTER_S + 1) == (B, 3)


def test_a_look_without_a_result_is_given_again_after_a_while() -> None:
    """Its worker was killed, and nobody else knows of it."""
    queue = LookQueue()
    for number in (0, 3):
        queue.add(frame(number))
    queue.request(A)
    queue.request(B)
    assert [given(queue, 0.0), given(queue, 1.0)] == [(A, 0), (B, 3)]
    queue.request(B)
    assert given(queue, GIVEN_AGAIN_AFTER_S) is None
    assert given(queue, GIVEN_AGAIN_AFTER_S + 0.1) == (B, 0)
    queue.request(B)
    assert given(queue, GIVEN_AGAIN_AFTER_S + 0.2) is None, "it was just given"
    queue.forget_before(3)
    assert given(queue, GIVEN_AGAIN_AFTER_S + 1.1) == (B, 3), "its result has not come either"
    queue.request(B)
    queue.forget_before(4)
    assert given(queue, 1000.0) is None, "all have results"


def test_a_worker_that_is_gone_gets_nothing() -> None:
    queue = LookQueue()
    queue.add(frame(0))
    queue.request(A)
    queue.request(B)
    queue.remove(A)
    assert given(queue, 0.0) == (B, 0)
