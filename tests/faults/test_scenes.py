from __future__ import annotations

import numpy as np

from capture.demo import DemoScene
from tests.faults.scenes import COARSE_CELLS, PatternedScene

SIZE = (640, 360)


def test_the_coarse_pattern_is_on_wall_and_people_and_not_in_the_demo() -> None:
    scene = DemoScene(*SIZE, fps=30)
    patterned = PatternedScene(*SIZE, fps=30)
    changed = (patterned.frame(60).astype(int) - scene.frame(60)).mean(-1)
    masks, same = scene.masks(60), patterned.masks(60)
    assert (masks.subject == same.subject).all() and (masks.bystander == same.bystander).all()
    for where in (masks.subject, masks.bystander, ~(masks.subject | masks.bystander)):
        light = changed[where] > 0
        assert 0.4 < light.mean() < 0.6
        assert np.abs(changed[where]).mean() > 10
    cell = SIZE[1] // COARSE_CELLS
    assert (changed[:cell, :cell] < 0).all() and (changed[:cell, cell : 2 * cell] > 0).all()
