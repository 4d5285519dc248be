"""The tracker on the demo scene, whose masks are exact: results are late and rare, the bystander's score the higher."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from capture.demo import DemoScene
from common.assets import MATTE, fetch
from common.config import ComposeSettings
from common.errors import AssetError
from common.matte import Matte
from common.messages import FrameCaptured, Instance, MasksInferred
from compose import tracker as module
from compose.alpha import Alpha
from compose.tracker import Tracker, open_tracker
from tests.faults.worker import instance_of

SIZE, FPS, LATE = (640, 360), 30, 4
MEETING = range(60, 190)  # the bystander comes near, passes behind the subject, and leaves


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE, FPS)


@pytest.fixture(scope="module")
def matte() -> Matte:
    return Matte(fetch(MATTE))


def frame(index: int, epoch: int = 1) -> FrameCaptured:
    return FrameCaptured(epoch, index, index + 1, index, "s", index, SIZE[1], SIZE[0])


def truth(scene: DemoScene, index: int, mine: float, theirs: float, epoch: int = 1) -> MasksInferred:
    masks = scene.masks(index)
    found = (instance_of(masks.subject, mine), instance_of(masks.bystander, theirs))
    return MasksInferred(epoch, index, index + 1, 1, "w", "m", tuple(i for i in found if i is not None))


def whole(alpha: Alpha) -> np.ndarray:
    opacity = np.zeros(SIZE[::-1], np.uint8)
    x0, y0, x1, y1 = alpha.box_xyxy
    opacity[y0:y1, x0:x1] = alpha.opacity
    return opacity


class Shown(NamedTuple):
    iou: list[float]
    bystander: list[float]
    switches: int


def play(scene: DemoScene, tracker: Tracker, every: int) -> Shown:
    """Every `every`-th frame is inferred, its result comes `LATE` frames later."""
    shown = Shown([], [], 0)
    subjects: tuple[Instance, ...] = ()
    switches = 0
    for index in MEETING:
        picture, masks = scene.frame(index), scene.masks(index)
        tracker.see(frame(index), picture)
        of = index - LATE
        if of >= MEETING.start and (of - MEETING.start) % every == 0:
            first = of == MEETING.start
            result = truth(scene, of, 0.95 if first else 0.9, 0.8 if first else 0.99)
            subjects = tracker.choose(result)
            switches += subjects != result.instances[:1]
        if subjects:
            opacity = whole(tracker.alpha(frame(index), picture, subjects))
            kept = opacity > 127
            shown.iou.append((kept & masks.subject).sum() / (kept | masks.subject).sum())
            shown.bystander.append((opacity[masks.bystander] > 25).sum() / max(1, masks.bystander.sum()))
    return shown._replace(switches=switches)


@pytest.mark.parametrize("results_a_second", [12, 5, 1])
def test_the_subject_is_kept_while_a_surer_person_passes_behind(
    results_a_second: int, scene: DemoScene, matte: Matte
) -> None:
    shown = play(scene, Tracker(ComposeSettings(), matte), round(FPS / results_a_second))
    assert shown.switches == 0
    # while they cross; slivers that emerge between two results are not yet what is wanted
    assert np.mean(shown.iou) > (0.94 if results_a_second > 1 else 0.88)
    assert np.mean(shown.bystander) < 0.12


def test_without_the_lock_the_surer_person_takes_over(scene: DemoScene, matte: Matte) -> None:
    """The negative control: the scene above is hard enough to tell."""
    assert play(scene, Tracker(ComposeSettings(subject="top"), matte), 3).switches > 20


def test_the_edge_belongs_to_the_present_frame(scene: DemoScene, matte: Matte) -> None:
    now = play(scene, Tracker(ComposeSettings(), matte), 6)
    before = play(scene, Tracker(ComposeSettings(refine="none"), None), 6)
    assert np.mean(now.iou) > np.mean(before.iou) + 0.02


def test_everybody_stays_sharp_where_that_is_asked(scene: DemoScene, matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(subject="all"), matte)
    tracker.see(frame(60), scene.frame(60))
    assert len(tracker.choose(truth(scene, 60, 0.9, 0.8))) == 2
    tracker.see(frame(61), scene.frame(61))
    opacity = whole(tracker.alpha(frame(61), scene.frame(61), ()))
    masks = scene.masks(61)
    assert (opacity[masks.subject] > 127).mean() > 0.9
    assert (opacity[masks.bystander] > 127).mean() > 0.9


def test_another_person_is_chosen_by_hand_and_stays(scene: DemoScene, matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(), matte)
    for index in range(60, 66):
        tracker.see(frame(index), scene.frame(index))
        if index == 62:
            tracker.ask(0)
        result = truth(scene, index, 0.9, 0.8)
        assert tracker.choose(result) == (result.instances[:1] if index < 62 else result.instances[1:])


def test_another_stream_is_another_beginning(scene: DemoScene, matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(), matte)
    tracker.see(frame(60), scene.frame(60))
    assert tracker.choose(truth(scene, 60, 0.9, 0.8))
    assert tracker.choose(truth(scene, 60, 0.9, 0.8, epoch=2)) == ()
    tracker.see(frame(0, epoch=2), scene.frame(0))
    assert tracker.alpha(frame(0, epoch=2), scene.frame(0), ()).opacity.size == 0


def test_when_the_subject_is_not_among_them_nobody_is_shown(scene: DemoScene, matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(), matte)
    tracker.see(frame(60), scene.frame(60))
    tracker.choose(truth(scene, 60, 0.9, 0.8))
    other = truth(scene, 60, 0.9, 0.8).instances[1:]
    tracker.see(frame(63), scene.frame(63))
    assert tracker.choose(MasksInferred(1, 63, 64, 1, "w", "m", other)) == ()
    assert tracker.alpha(frame(63), scene.frame(63), ()).opacity.size == 0


def test_without_the_matte_s_file_the_results_own_masks_are_used_and_it_is_said(
    scene: DemoScene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(asset: object) -> None:
        raise AssetError("offline")

    monkeypatch.setattr(module, "fetch", missing)
    tracker = open_tracker(ComposeSettings())
    assert "no matte on the present frame" in caplog.text
    tracker.see(frame(60), scene.frame(60))
    subjects = tracker.choose(truth(scene, 60, 0.9, 0.8))
    assert whole(tracker.alpha(frame(60), scene.frame(60), subjects)).any()
