from __future__ import annotations

import numpy as np
import pytest

from capture.demo import DemoScene

SIZE = (640, 360)


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE, fps=30)


def test_a_frame_is_a_pure_function_of_its_number(scene: DemoScene) -> None:
    assert (scene.frame(77) == scene.frame(77)).all()
    assert (scene.frame(77) != scene.frame(99)).any()


@pytest.mark.parametrize("index", [0, 60, 130, 200, 330])
def test_outside_the_masks_stands_the_wall_and_nothing_else(scene: DemoScene, index: int) -> None:
    picture, masks = scene.frame(index), scene.masks(index)
    assert not (masks.subject & masks.bystander).any()
    assert 0.1 < masks.subject.mean() < 0.6
    changed = (picture != scene.wall).any(-1)
    assert (changed & masks.subject).sum() > 0.98 * masks.subject.sum()
    outside = changed & ~masks.subject & ~masks.bystander
    assert outside.mean() < 0.01, "only half-covered pixels of the edge may differ"


def test_the_bystander_comes_crosses_behind_and_goes(scene: DemoScene) -> None:
    shares = np.array([scene.masks(i).bystander.mean() for i in range(0, 390, 10)])
    assert shares[0] < 0.01
    assert shares.max() > 0.1
    assert shares[-8:].max() == 0
