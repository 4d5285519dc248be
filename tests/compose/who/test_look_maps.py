from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import Instance
from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from compose.who.look_maps import NEAR_BOTTOM, reaching_down
from tests import people
from tests.faults.worker import instance_of
from tests.people import LATE, Looks, play, scene_of, tracker_of

NOBODY = np.zeros((144, 256), np.uint8)


def area(bottom: int, x0: int = 100, x1: int = 150) -> np.ndarray:
    found = NOBODY.copy()
    found[60:bottom, x0:x1] = 255
    return found


def test_a_subject_that_ends_near_the_lower_edge_reaches_it() -> None:
    assert (reaching_down(area(144 - NEAR_BOTTOM + 1), NOBODY) == area(144)).all()
    assert (reaching_down(area(144), NOBODY) == area(144)).all()


def test_one_that_ends_above_and_one_above_somebody_else_stays() -> None:
    above = area(144 - NEAR_BOTTOM)
    assert (reaching_down(above, NOBODY) == above).all()
    others = NOBODY.copy()
    others[140:, 120:] = 255
    got = reaching_down(area(138), others)
    assert got[143, 110] == 255 and not got[140:, 120:].any()


def test_the_torso_reaches_the_lower_edge_though_results_end_above_it_and_somebody_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ended 13 rows of 360 above it in a third of the frames: while somebody is near, the region does not grow."""
    monkeypatch.setattr(people, "SECONDS", 3.3)
    scene = scene_of("crossing", 0)
    missing: list[float] = []

    def at(index: int) -> tuple[Instance, ...]:
        subject, bystander = scene.masks(index)
        cut = subject.copy()
        cut[-13:] = False
        found = instance_of(cut, 0.9), instance_of(bystander, 0.8)
        return tuple(i for i in found if i is not None)

    def look(index: int, _: np.ndarray, opacity: np.ndarray) -> None:
        if opacity.any():
            subject = scene.masks(index).subject[-3:].all(0)
            missing.append(float((opacity[-3:][:, subject] < 128).mean()))

    play(scene, tracker_of(Matte(fetch(MATTE))), Looks(at, 5, LATE), look)
    assert len(missing) > 80
    assert max(missing) < 0.2
