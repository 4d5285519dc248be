"""Recordings of the demo scene for the judge, with exact results for some of their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capture.demo import DemoScene, Masks
from common.ipc.messages import MasksInferred
from common.ipc.recording_clock import captured_ns_of
from common.ipc.records import FrameInfo, Instance
from common.vision.cuts import CutDetector
from compose.every.judge import Judge, Judged
from compose.picture.alpha import EMPTY, placed
from compose.settings import ComposeSettings
from tests.faults.worker import instance_of

SIZE_WH, FPS, LOOK_EVERY = (640, 360), 30, 3  # with more frames a second, as many looks a second
SHOWN = 25  # of 255: from here a pixel is visible

Found = Callable[[int], Sequence[Instance]]


class Film(NamedTuple):
    """Judged frames, and how much of each person may be seen in each of them, 0..1."""

    judged: list[Judged]
    subject: list[float]
    bystander: list[float]

    @property
    def states(self) -> list[str]:
        return [str(one.decision.state) for one in self.judged]


def info(number: int, fps: float = FPS) -> FrameInfo:
    return FrameInfo(1, number, captured_ns_of(number / fps), number, "s", number, SIZE_WH[1], SIZE_WH[0])


def exact(masks: Masks, mine: float = 0.9, theirs: float = 0.8) -> list[Instance]:
    """Exact results, with these scores."""
    found = instance_of(masks.subject, mine), instance_of(masks.bystander, theirs)
    return [one for one in found if one is not None]


def judge(
    scene: DemoScene,
    frames: Iterable[int],
    found: Found,
    settings: ComposeSettings,
    picture: Callable[[int], NDArray[np.uint8]] | None = None,
) -> Film:
    """Judge frames of the scene as one recording.

    Args:
        scene: With masks.
        frames: Numbers of the scene's frames; their order is that of the recording.
        found: Says what a look at one of the scene's frames finds.
        settings: Of compose.
        picture: Returns a frame's picture, by default the scene's.
    """
    of, judge, cuts = list(frames), Judge(settings), CutDetector()
    pictures = [(picture or scene.frame)(index) for index in of]
    begins = [cuts.is_cut(each) for each in pictures]
    judged: list[Judged] = []
    for number, index in enumerate(of):
        frame, is_cut = info(number, scene.fps), begins[number]
        is_look = (
            number % round(LOOK_EVERY * scene.fps / FPS) == 0 or is_cut or number == len(of) - 1 or begins[number + 1]
        )
        result = MasksInferred(1, number, frame.captured_ns, 1, "w", "m", tuple(found(index))) if is_look else None
        judged += judge.add(frame, pictures[number], result, is_cut=is_cut)
    judged += judge.end()
    shares = [_visible(one, scene.masks(index)) for one, index in zip(judged, of, strict=True)]
    return Film(judged, [mine for mine, _ in shares], [theirs for _, theirs in shares])


def opacity_of(judged: Judged) -> NDArray[np.uint8]:
    """How much of each pixel may be seen, (H, W) uint8."""
    return placed(judged.alpha if judged.decision.shows_people else EMPTY, SIZE_WH)


def _visible(judged: Judged, masks: Masks) -> tuple[float, float]:
    opacity = opacity_of(judged)
    mine, theirs = (float((opacity[mask] > SHOWN).mean()) if mask.any() else 0.0 for mask in masks)
    return mine, theirs
