"""The leak oracle: whether a composite of the demo scene shows detail of the wall or of a person that must be hidden.

The demo scene is a pure function of the frame's index, so the oracle knows every pixel of wall and people. It measures
how much of their detail a composite keeps (tests/faults/detail.py): the fine checkerboard of the wall, and fine and
coarse detail (1/20 of the height) of everything. What counts is the *worst window*, so a strip is found wherever it
is. A leak is given as a multiple of what may be kept; over BOUND it is one.

In a composite that says it is hidden, no window at all may be over the bound. In one that says it is live, only the
subject may be seen: its exact mask and a margin around it. Over the wall the margin is `EDGES`, what the edge of the
masks may be off, plus what the subject moves at most while its mask ages. Over the exact mask of the bystander it is
`BESIDE`, which is less and does not grow, so that somebody close behind the subject is judged as well. Everything
else is judged, the bystander like the wall. In the state `everybody` both persons may be seen. In a composite whose style hides
only people the wall may be sharp as well, and nothing of the bystander's exact mask, but that close to the subject.

The age is the one that the composite itself states; one over the limit is a leak whatever the pixels show.

Where wall and clothes are plain, a window has too little detail to say anything. So the tests' own scenes carry a
coarse pattern on wall and people (tests/faults/scenes.py), which the demo does not. Letters would be taken for detail:
a call that is judged plays the demo by name, so that capture writes no notice into it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import CROSSING_S, SWAY_S, DemoScene
from common.ipc.messages import EVERYBODY, FrameComposed
from common.ipc.records import PEOPLE
from common.settings.detection import MASK_AGE_ALONE_MS, MASK_AGE_MS
from compose.picture.renderer import draw_card
from tests.faults.detail import CHECKER_WINDOW, COARSE, FINE, Band, Checker, Map, Picture, grey_of, kept, reduced

BOUND = 1.0
# what a mask's edge may be off, as a share of the height: the blend's feather; a cell of Mask R-CNN's map, 38 pixels of
# a person who fills 80 % of 720p, and so much of the wall between body and arm for the embedded detector
EDGES = {"exact": 12 / 360, "network": 48 / 720}
BESIDE = {"exact": 12 / 360, "network": 24 / 720}
ALWAYS_LEAKS = 255.0
REMEMBERED = 4  # frames: cards and sinks show the same one more than once

Person = NDArray[np.uint8]


class Leak(NamedTuple):
    """The worst window of a composite: how many times the bound, by which measure, and where in 0..1 of the picture."""

    times: float
    measure: str = ""
    x: float = 0.0
    y: float = 0.0


class Truth(NamedTuple):
    """A frame of the scene, reduced to the height of each band, and who is where in the finest of these."""

    planes: dict[Band, Map]
    subject: Person  # (h, w) uint8, 255 where the person is
    bystander: Person


class Sharp(NamedTuple):
    """Of a composite that shows people, both (h, w) uint8: whom compose keeps out of its blur, and where anything may be
    seen, 255 there."""

    people: Person
    allowed: Person


class LeakOracle:
    """Judges composites of one demo scene.

    Args:
        scene: The scene that capture plays, of the same size, rate and course.
        max_age_ms: `--max-mask-age` of the call; by default the age that one person alone allows. What may be sharp around the
            subject does not grow with an age beyond MASK_AGE_MS.
        masks: Who made the masks, a key of EDGES.
    """

    def __init__(self, scene: DemoScene, max_age_ms: float = MASK_AGE_ALONE_MS, masks: str = "network") -> None:
        width, _ = self.size_wh = scene.size_wh
        self._scene, self._max_age_ms = scene, max_age_ms
        self._checker = Checker(scene.size_wh)
        self._edge, self._beside = EDGES[masks], BESIDE[masks]
        # heights a second: no part of the subject is faster than a head that sways by 5 % of the width, and nobody else
        # than a walk from edge to edge (see sways and demo_course)
        self._speeds = (
            0.05 * width * 2 * math.pi / SWAY_S / scene.size_wh[1],
            1.5 * width / CROSSING_S / scene.size_wh[1],
        )
        self._truth = lru_cache(REMEMBERED)(self._truth_of)

    def leak(self, picture: Picture, composite: FrameComposed) -> float:
        """How many times the bound is kept in the worst window where there must be nothing."""
        return self.judge(picture, composite).times

    def judge(self, picture: Picture, composite: FrameComposed) -> Leak:
        """The worst window of a composite, (H, W, 3) uint8 BGR, where there must be nothing."""
        if composite.state == "lost":
            return self.judge_card(picture, composite)
        return self.judge_grey(grey_of(picture), composite)

    def judge_card(self, picture: Picture, composite: FrameComposed) -> Leak:
        """Whether a picture, (H, W, 3) uint8 BGR, is exactly the card of a composite that is lost."""
        card = np.empty_like(picture)
        draw_card(composite.reason, card)
        return Leak(0.0 if np.array_equal(picture, card) else ALWAYS_LEAKS, "not the card")

    def judge_grey(self, grey: Picture, composite: FrameComposed) -> Leak:
        """The same as `judge` of a composite that is not lost, (H, W) uint8: all but cards are judged in grey."""
        shows_people = composite.state in ("live", EVERYBODY)
        if shows_people and not 0 <= composite.mask_age_ms <= self._max_age_ms:
            return Leak(ALWAYS_LEAKS, "age of the mask")
        truth = self._truth(composite.frame.source_index)
        return self._worst(grey, truth, self._sharp(truth, composite) if shows_people else None)

    def _sharp(self, truth: Truth, composite: FrameComposed) -> Sharp:
        """What of a composite that shows people may be sharp."""
        moved = [speed * min(composite.mask_age_ms, MASK_AGE_MS) / 1000 for speed in self._speeds]
        wide = _near(truth.subject, self._edge + moved[0])
        if composite.state == EVERYBODY:
            people = np.maximum(truth.subject, truth.bystander)
            return Sharp(people, np.maximum(wide, _near(truth.bystander, self._edge + moved[1])))
        beside = _near(truth.subject, self._beside)
        if composite.style.hide == PEOPLE:
            return Sharp(truth.subject, np.where(truth.bystander > 0, beside, 255).astype(np.uint8))
        return Sharp(truth.subject, np.where(truth.bystander > 0, beside, wide))

    def _worst(self, grey: Picture, truth: Truth, sharp: Sharp | None) -> Leak:
        """The worst window by all measures, of all that must not be sharp."""
        checker = self._checker.found(grey)
        if sharp is not None:
            touching = _near(sharp.allowed, CHECKER_WINDOW / 2 / self.size_wh[1])
            checker[cv2.resize(touching, self.size_wh, interpolation=cv2.INTER_LINEAR) > 0] = 0
        leaks = [_worst_of("checkerboard", checker)]
        for band, original in truth.planes.items():
            size_wh = band.size_of(self.size_wh)
            judged, people = np.ones_like(original), None
            if sharp is not None:
                judged = (reduced(sharp.allowed, size_wh) == 0).astype(np.float32)
                people = reduced(sharp.people, size_wh) / np.float32(255)
            leaks.append(_worst_of(band.name, kept(reduced(grey, size_wh), original, judged, band, people)))
        return max(leaks)

    def _truth_of(self, index: int) -> Truth:
        grey, masks = grey_of(self._scene.frame(index)), self._scene.masks(index)
        planes = {band: reduced(grey, band.size_of(self.size_wh)) for band in (FINE, COARSE)}
        size_wh = FINE.size_of(self.size_wh)
        subject, bystander = (
            cv2.resize(mask.astype(np.uint8) * 255, size_wh, interpolation=cv2.INTER_AREA) for mask in masks
        )
        return Truth(planes, subject, bystander)


def _near(who: Person, margin: float) -> Person:
    """(h, w) uint8, 255 where somebody is within `margin` (a share of the height), rounded outwards."""
    side = 2 * math.ceil(margin * who.shape[0]) + 1
    return np.asarray(cv2.dilate((who > 0).astype(np.uint8) * 255, np.ones((side, side), np.uint8)), np.uint8)


def _worst_of(measure: str, found: Map) -> Leak:
    y, x = np.unravel_index(int(found.argmax()), found.shape)
    return Leak(float(found[y, x]), measure, float(x) / found.shape[1], float(y) / found.shape[0])
