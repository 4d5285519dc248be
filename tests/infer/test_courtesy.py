"""A worker that other programs starve no longer lets them run first, and only then."""

from __future__ import annotations

import pytest

from infer.courtesy import COURTEOUS, INSISTENT, Courtesy


@pytest.mark.parametrize(
    ("looks", "workers", "expected"),
    [
        ([(0.13, 0.1)], 1, COURTEOUS),  # alone, on two threads
        ([(0.1, 0.1)], 1, COURTEOUS),
        ([(0.1, 1.0)], 1, INSISTENT),  # a tenth of a core
        ([(0.1, 1.0), (0.1, 0.16)], 1, INSISTENT),  # what it gets then is no reason to give way again
        ([(0.1, 1.0), (0.13, 0.1)], 1, COURTEOUS),  # the others are gone
        ([(0.1, 0.1), (0.1, 0.16)], 1, COURTEOUS),  # between the two it stays
        ([(0.1, 0.18)], 3, COURTEOUS),  # three on two cores have less each
        ([(0.1, 0.7)], 3, INSISTENT),
        ([(0.0, 0.0)], 1, INSISTENT),
    ],
)
def test_who_is_starved_insists(looks: list[tuple[float, float]], workers: int, expected: int) -> None:
    courtesy = Courtesy(cores=2)
    assert courtesy.niceness == INSISTENT, "the first result is what everybody waits for"
    assert [courtesy.looked(*look, workers) for look in looks][-1] == expected
