"""A worker that other programs starve no longer lets them run first, and only then."""

from __future__ import annotations

import pytest

from infer.courtesy import COURTEOUS, INSISTENT, Courtesy


@pytest.mark.parametrize(
    ("looks", "workers", "expected"),
    [
        ([(0.4, 0.3)], 1, COURTEOUS),  # alone, on two threads
        ([(0.3, 0.3)], 1, COURTEOUS),
        ([(0.1, 0.1), (0.1, 0.1), (0.1, 0.11)], 1, COURTEOUS),
        ([(0.1, 0.1), (0.1, 0.1)], 1, INSISTENT),  # too little to tell
        ([(0.1, 1.0)], 1, INSISTENT),  # a tenth of a core
        ([(0.1, 1.0), (0.2, 0.32)], 1, INSISTENT),  # what it gets then is no reason to give way again
        ([(0.1, 1.0), (0.4, 0.3)], 1, COURTEOUS),  # the others are gone
        ([(0.3, 0.3), (0.2, 0.32)], 1, COURTEOUS),  # between the two it stays
        ([(0.2, 0.36)], 3, COURTEOUS),  # three on two cores have less each
        ([(0.1, 0.7)], 3, INSISTENT),
        ([(0.3, 0.3), (0.004, 0.014)], 1, COURTEOUS),  # a short look that met compose
    ],
)
def test_who_is_starved_insists(looks: list[tuple[float, float]], workers: int, expected: int) -> None:
    courtesy = Courtesy(cores=2)
    assert courtesy.niceness == INSISTENT, "the first result is what everybody waits for"
    assert [courtesy.looked(*look, workers) for look in looks][-1] == expected
