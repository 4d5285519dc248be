"""Two people on the demo scene, in the situations that a filter for one of them must win; their masks are exact."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from capture.demo import Course, DemoScene, Masks, Place, Places, sways
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.vision.grid import on_grid
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.picture.alpha import EMPTY, placed
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.settings import ComposeSettings
from compose.who.look_maps import EVEN_PROBABILITY
from compose.who.tracker import Tracker
from tests.faults.worker import instance_of

SIZE_WH, FPS = (640, 360), 30
SECONDS = 8.0
LATE = 4  # frames that a result is late
SHOWN = 25  # of 255: from here a pixel is visible (score.py's leak)
LEAST_PX = 200  # of a person in view: below, a share of it says nothing


def crossing(rng: random.Random) -> Course:
    """The bystander walks by behind the subject, from one side to the other."""
    takes_s, begins_s, leftwards = rng.uniform(3, 7), rng.uniform(0.5, 1.0), rng.random() < 0.5
    phase, bottom = rng.uniform(0, 5), rng.uniform(0.9, 1.1)

    def course(seconds: float, wide: float) -> Places:
        progress = (seconds - begins_s) / takes_s
        along = progress * (1 + wide) - wide / 2
        return Places(sways(seconds + phase), Place(1 - along if leftwards else along, bottom))

    return course


def occlusion(rng: random.Random) -> Course:
    """The bystander walks by in front of the subject."""
    behind = crossing(rng)

    def course(seconds: float, wide: float) -> Places:
        return behind(seconds, wide)._replace(bystander_in_front=True)

    return course


def touching(rng: random.Random) -> Course:
    """The bystander comes up to the subject's side, stays shoulder to shoulder, and leaves."""
    side, near = rng.choice((-1, 1)), rng.uniform(0.22, 0.30)
    phase, bottom = rng.uniform(0, 5), rng.uniform(0.9, 1.1)
    speed = rng.uniform(0.15, 0.3)  # frame widths a second
    front = rng.random() < 0.5

    def course(seconds: float, wide: float) -> Places:
        away = max(near, abs(seconds - 4.0) * speed + near - 0.4 * speed)
        return Places(sways(seconds + phase), Place(0.5 + side * away, bottom), front)

    return course


def entering(rng: random.Random) -> Course:
    """The bystander comes in quickly and stays beside the subject, apart from it."""
    side, begins_s, speed = rng.choice((-1, 1)), rng.uniform(1, 2), rng.uniform(0.2, 0.6)
    phase, bottom, near = rng.uniform(0, 5), rng.uniform(0.9, 1.1), rng.uniform(0.38, 0.45)

    def course(seconds: float, wide: float) -> Places:
        outside = 0.5 + wide / 2
        return Places(
            sways(seconds + phase), Place(0.5 + side * max(near, outside - (seconds - begins_s) * speed), bottom)
        )

    return course


def leaving(rng: random.Random) -> Course:
    """The subject goes out of the picture while the bystander stays, and comes back."""
    side, begins_s = rng.choice((-1, 1)), rng.uniform(1.5, 2.0)
    away_s, speed = rng.uniform(1.0, 2.0), rng.uniform(0.4, 0.7)
    phase, bottom, near = rng.uniform(0, 5), rng.uniform(0.9, 1.1), rng.uniform(0.33, 0.40)

    def course(seconds: float, wide: float) -> Places:
        out_s = 1.0 / speed
        gone = min(seconds - begins_s, begins_s + 2 * out_s + away_s - seconds) * speed
        mine = sways(seconds + phase)
        place = mine._replace(centre=mine.centre + side * min(max(0.0, gone), 1.0))
        return Places(place, Place(0.5 - side * near, bottom))

    return course


BEHIND_S = (1.5, 3.7)  # `behind`: from when to when the bystander stands there


def behind(seconds: float, wide: float) -> Places:
    """The bystander goes behind the subject, stays there for two seconds, and comes out on the other side."""
    comes_s, goes_s = BEHIND_S
    along = 0.35 * max(0.0, 1 - seconds / comes_s) - 0.25 * max(0.0, seconds - goes_s)
    return Places(sways(seconds), Place(0.5 + along, 1.0))


SITUATIONS: dict[str, Callable[[random.Random], Course]] = {
    "crossing": crossing,
    "occlusion": occlusion,
    "touching": touching,
    "entering": entering,
    "leaving and returning": leaving,
}


@dataclass
class Shown:
    """What was shown, frame by frame; shares 0..1."""

    iou: list[float] = field(default_factory=list)  # of the subject, where somebody was shown
    alone: list[bool] = field(default_factory=list)  # in those frames: nobody but the subject was in view
    bystander: list[float] = field(default_factory=list)  # visible of what can be seen of the bystander
    fills: list[float] = field(default_factory=list)  # of the picture in those frames
    hidden: int = 0  # frames with the subject in view and nobody shown
    switches: int = 0  # results after which somebody else was the subject


class Looks(NamedTuple):
    """What finds people in the frames of a scene: one look every so many frames, whose result comes so many frames late."""

    at: Callable[[int], tuple[Instance, ...]]
    every: int
    late: int


def at_ns(index: int) -> int:
    """When a frame was captured."""
    return (index + 1) * 1_000_000_000 // FPS


def exact(scene: DemoScene, hz: float) -> Looks:
    """The exact masks of the scene's people, so many times a second. The bystander's score is the higher one, but in the
    first result, where the subject is chosen."""

    def at(index: int) -> tuple[Instance, ...]:
        masks = scene.masks(index)
        found = instance_of(masks.subject, 0.9), instance_of(masks.bystander, 0.99 if index else 0.8)
        return tuple(i for i in found if i is not None)

    return Looks(at, round(FPS / hz), LATE)


def play(
    scene: DemoScene,
    tracker: Tracker,
    looks: Looks,
    look: Callable[[int, np.ndarray, np.ndarray], None] | None = None,
) -> Shown:
    """Every frame of the scene, some of which are looked at.

    Args:
        scene: Of `SIZE_WH` and `FPS`.
        tracker: New.
        looks: Who finds people in it.
        look: Called with each frame's number, picture and opacity (H, W) uint8.
    """
    shown = Shown()
    subjects: tuple[Instance, ...] = ()
    for index in range(round(SECONDS * FPS)):
        picture, masks = scene.frame(index), scene.masks(index)
        frame = FrameInfo(1, index, at_ns(index), index, "s", index, SIZE_WH[1], SIZE_WH[0])
        tracker.update(frame, ImagePyramid(picture))
        of = index - looks.late
        if of >= 0 and of % looks.every == 0:
            found = looks.at(of)
            subjects = tracker.apply(MasksInferred(1, of, at_ns(of), 1, "w", "m", found)).subjects
            # the tracker may keep the subject of an earlier result
            chosen = [s for s in subjects if any(s is i for i in found)]
            shown.switches += any(is_bystander(s, scene.masks(of)) for s in chosen)
        alpha = EMPTY
        if subjects:
            tracker.refine(subjects)
            alpha = tracker.alpha()
        opacity = placed(alpha, SIZE_WH)
        if look:
            look(index, picture, opacity)
        _score(shown, opacity, masks, bool(subjects))
    return shown


def is_bystander(instance: Instance, masks: Masks) -> bool:
    """Whether an instance holds more of the bystander than of the subject."""
    found = on_grid(instance, masks.subject.shape[::-1], EVEN_PROBABILITY) > 0
    return bool((found & masks.bystander).sum() > (found & masks.subject).sum())


def _score(shown: Shown, opacity: np.ndarray, masks: Masks, live: bool) -> None:
    subject, bystander = masks
    in_view = bystander.sum() >= LEAST_PX
    if subject.sum() >= LEAST_PX and live:
        sharp = opacity > 127
        shown.iou.append(float((sharp & subject).sum() / (sharp | subject).sum()))
        shown.alone.append(not in_view)
    elif subject.sum() >= LEAST_PX:
        shown.hidden += 1
    if in_view:
        shown.bystander.append(float((opacity[bystander] > SHOWN).mean()))
        shown.fills.append(float(bystander.mean()))


def scene_of(situation: str, seed: int, size_wh: tuple[int, int] = SIZE_WH) -> DemoScene:
    """The scene of one situation; the same seed is the same course."""
    return DemoScene(*size_wh, FPS, SITUATIONS[situation](random.Random(f"{situation} {seed}")))


def tracker_of(matte: Matte) -> Tracker:
    """A new tracker with the default settings."""
    return Tracker(ComposeSettings(), MatteEdge(matte, MattePace()))
