"""What a watched call must say before it counts as one in which nothing leaked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from tests.faults.oracle import Leak, LeakOracle
from tests.faults.scenes import PatternedScene
from tests.faults.watch import SKETCH_WH, Seen, Watch, nothing_leaked


def watch_of(scene: PatternedScene, leaks: list[float], unjudged: int, privacy: bool = True) -> Watch:
    watch = Watch(Path("nowhere"), LeakOracle(scene))
    message = FrameComposed(FrameInfo(1, 1, 1, 1, "s", 0, 360, 640), 1, "live", "", 100.0, privacy, "m")
    watch.seen += [Seen(message, Leak(leak), np.zeros(SKETCH_WH[::-1], np.uint8)) for leak in leaks]
    watch.unjudged = unjudged
    return watch


def test_a_call_that_was_judged_and_kept_to_the_bound_leaked_nothing(scene: PatternedScene) -> None:
    assert nothing_leaked(watch_of(scene, [0.7] * 95, 5))


def test_one_composite_over_the_bound_is_a_leak(scene: PatternedScene) -> None:
    with pytest.raises(AssertionError):
        nothing_leaked(watch_of(scene, [*([0.7] * 95), 1.01], 0))


def test_where_too_much_was_not_judged_nothing_is_proved(scene: PatternedScene) -> None:
    with pytest.raises(AssertionError):
        nothing_leaked(watch_of(scene, [0.7] * 188, 12))


def test_of_a_short_call_a_few_may_be_missed_and_not_more(scene: PatternedScene) -> None:
    assert nothing_leaked(watch_of(scene, [0.7] * 40, 10))
    with pytest.raises(AssertionError):
        nothing_leaked(watch_of(scene, [0.7] * 40, 11))


def test_where_nothing_was_judged_nothing_is_proved(scene: PatternedScene) -> None:
    with pytest.raises(AssertionError):
        nothing_leaked(watch_of(scene, [0.7] * 9, 0, privacy=False))
