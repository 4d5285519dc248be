"""How what a sink put out is matched with the composites of its call."""

from __future__ import annotations

import numpy as np

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from tests.faults.hiding import blurred, shown
from tests.faults.oracle import BOUND, LeakOracle
from tests.faults.put_out import Judge, Picture
from tests.faults.scenes import PatternedScene
from tests.faults.watch import Heard, Seen, sketch_of

INDEX = 60  # the bystander stands beside the subject


def composite(scene: PatternedScene, sequence: int, state: str) -> FrameComposed:
    width, height = scene.size_wh
    frame = FrameInfo(1, sequence, 1, INDEX, "s", sequence, height, width)
    return FrameComposed(frame, 1, state, "", 0.0, True, "m")


def judge_of(scene: PatternedScene, oracle: LeakOracle, *, is_heard: bool) -> tuple[Judge, Picture]:
    """A judge of a call of a hidden composite and a live one, of which the watch did not see the live one; and that one."""
    hidden, live = composite(scene, 0, "hidden"), composite(scene, 1, "live")
    picture = scene.frame(INDEX)
    blur = blurred(picture, scene.size_wh[1] / 15)
    seen = [Seen(hidden, oracle.judge(blur, hidden), sketch_of(np.asarray(blur.mean(axis=2), np.uint8)))]
    subject = shown(picture, scene.masks(INDEX).subject, scene.size_wh[1] / 15)
    return Judge(oracle, [Heard(m) for m in ((hidden, live) if is_heard else (hidden,))], seen), subject


def test_a_picture_whose_composite_was_overwritten_is_judged_by_its_message(scene: PatternedScene) -> None:
    oracle = LeakOracle(scene, masks="exact")
    judge, subject = judge_of(scene, oracle, is_heard=True)
    assert judge.leak(subject) <= BOUND
    assert judge.matched == 0
    unheard, _ = judge_of(scene, oracle, is_heard=False)
    assert unheard.leak(subject) > BOUND, "the control: without the message it must show nobody"


def test_a_leak_is_found_although_a_composite_was_overwritten(scene: PatternedScene) -> None:
    judge, _ = judge_of(scene, LeakOracle(scene, masks="exact"), is_heard=True)
    assert judge.leak(scene.frame(INDEX)) > BOUND
    assert judge.leak(shown(scene.frame(INDEX), scene.masks(INDEX).bystander, scene.size_wh[1] / 15)) > BOUND
