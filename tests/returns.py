"""Two people in jumpers of one colour or in their own clothes, of whom one leaves: courses in which the tracker must not
take the other one for the subject, and ordinary ones in which the subject comes back.

The pictures are as small as the tracker's grid, light, size and pose change while the subject is away, and the masks are
as unsharp as a network's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import DemoScene
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.vision.pyramid import ImagePyramid
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker
from tests.faults.worker import instance_of

WH = (256, 144)
PEOPLE = ("astronaut", "admiral")
JUMPERS = {"red": (2, 200, 150), "green": (62, 150, 120), "blue": (112, 190, 140), "grey": (0, 12, 120)}  # HSV
OWN = "own"
GAPS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 60.0)
RATES_HZ = (2, 3, 5, 10)
TALL = 0.8  # of the picture's height
LIGHT, TINT, SIZE, NOISE = 0.15, 0.04, 0.08, 3.0  # changes by up to this share; grey levels
BEGIN_S, STAYS_S = 1.5, 5.0  # before the subject leaves, and after somebody came
MAP = 15  # rows and columns of a Mask R-CNN's map
# the head's middle and radii, and the collar, in shares of the portrait: what is below or beside is the jumper
HEADS = {"astronaut": ((0.58, 0.22), (0.22, 0.23), 0.34), "admiral": ((0.5, 0.26), (0.21, 0.16), 0.32)}


class Sprite(NamedTuple):
    """A person cut out: colour (h, w, 3) uint8 BGR and opacity (h, w) uint8."""

    colour: NDArray[np.uint8]
    opacity: NDArray[np.uint8]


class Stand(NamedTuple):
    """Where a person stands: the middle in widths of the picture, the lower end in heights."""

    centre: float
    bottom: float = 1.02


@dataclass(frozen=True)
class Course:
    """Who leaves and who comes.

    subject, jumper: Of PEOPLE, and of JUMPERS or OWN; the other one wears the same.
    leaves: "left", "right", or "middle" (out of sight where it stands).
    comes: Who comes after the gap, "subject" or "other", and from where.
    meanwhile: What the other one does while the subject is there or away: "" out of sight, "beside" stays in view, "leaves"
        the same way a second later, "passes" in front of the subject, who never leaves.
    """

    subject: str
    jumper: str
    leaves: str
    comes: str
    side: str
    gap_s: float
    hz: int
    speed: float
    seed: int
    meanwhile: str = ""


class Moment(NamedTuple):
    """One frame that is looked at: its time, whether somebody has come since the subject left, the picture (h, w, 3) uint8
    BGR, and how a network finds "subject" and "other", None for who cannot be found."""

    at_s: float
    after: bool
    picture: NDArray[np.uint8]
    found: dict[str, Instance | None]


class Returned(NamedTuple):
    """What came of a course: results that showed the other one, whether the subject was shown after it had been away,
    whether the user was asked, and the results that lost the subject before anybody moved."""

    wrong: int
    back: bool
    asked: bool
    lost: int


@lru_cache(maxsize=1)
def _scene() -> tuple[NDArray[np.uint8], dict[str, Sprite]]:
    scene = DemoScene(640, 360, 30)
    wall = np.asarray(cv2.resize(scene.wall, WH, interpolation=cv2.INTER_AREA), np.uint8)
    portraits = (scene._subject, scene._bystander)
    return wall, {name: Sprite(p.colour, p.alpha) for name, p in zip(PEOPLE, portraits, strict=True)}


@lru_cache(maxsize=1)
def _noise() -> list[NDArray[np.int16]]:
    rng = np.random.default_rng(3)
    return [np.rint(rng.normal(0, NOISE, (*WH[::-1], 3))).astype(np.int16) for _ in range(16)]


@lru_cache(maxsize=64)
def dressed(name: str, jumper: str, tall: int, mirrored: bool) -> Sprite:
    """A person of so many rows, in a jumper of a colour."""
    colour, opacity = _scene()[1][name]
    if jumper != OWN:
        colour = _recoloured(colour, opacity, name, jumper)
    size_wh = (round(opacity.shape[1] * tall / opacity.shape[0]), tall)
    scaled = [np.asarray(cv2.resize(a, size_wh, interpolation=cv2.INTER_AREA), np.uint8) for a in (colour, opacity)]
    return Sprite(*(np.ascontiguousarray(a[:, ::-1]) if mirrored else a for a in scaled))


def _recoloured(colour: NDArray[np.uint8], opacity: NDArray[np.uint8], name: str, jumper: str) -> NDArray[np.uint8]:
    height, width = opacity.shape
    (x, y), (across, down), collar = HEADS[name]
    rows, columns = np.mgrid[:height, :width]
    beside = ((columns / width - x) / across) ** 2 + ((rows / height - y) / down) ** 2 > 1
    clothes = (rows > collar * height) & beside
    hue, saturation, value = JUMPERS[jumper]
    was = cv2.cvtColor(colour, cv2.COLOR_BGR2HSV)[..., 2].astype(np.float32)
    folds = np.clip(value + 0.25 * (was - was[clothes & (opacity > 127)].mean()), 20, 255)
    hsv = np.stack([np.full_like(folds, hue), np.full_like(folds, saturation), folds], axis=-1).astype(np.uint8)
    return np.where(clothes[..., None], cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), colour).astype(np.uint8)


def picture_of(cast: list[tuple[Sprite, Stand]]) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]:
    """The wall with people before it, back to front, and what can be seen of each, (h, w) bool."""
    picture = _scene()[0].copy()
    seen: list[NDArray[np.bool_]] = []
    for sprite, stand in cast:
        tall, wide = sprite.opacity.shape
        left, top = round(stand.centre * WH[0] - wide / 2), round(stand.bottom * WH[1] - tall)
        x0, x1, y0, y1 = max(left, 0), min(left + wide, WH[0]), max(top, 0), min(top + tall, WH[1])
        here = np.zeros(WH[::-1], np.bool_)
        if x0 < x1 and y0 < y1:
            part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
            weight = sprite.opacity[part].astype(np.float32) / 255
            colour, behind = (np.ascontiguousarray(a) for a in (sprite.colour[part], picture[y0:y1, x0:x1]))
            picture[y0:y1, x0:x1] = cv2.blendLinear(colour, behind, weight, 1 - weight)
            here[y0:y1, x0:x1] = sprite.opacity[part] > 127
        seen = [before & ~here for before in seen] + [here]
    return picture, seen


def seen_by_a_network(mask: NDArray[np.bool_], score: float, rng: random.Random) -> Instance | None:
    """A mask (h, w) as a detector gives it: exact, eroded, dilated, with a wavy edge, or 15 by 15 in a box that is off."""
    kind = rng.choice(("exact", "eroded", "dilated", "wavy", "coarse", "coarse", "coarse"))
    area = mask.astype(np.uint8) * 255
    x, y, w, h = cv2.boundingRect(area)
    if w < 4 or h < 4:
        return None
    if kind == "coarse":
        off = [rng.uniform(-0.03, 0.03) * side for side in (w, h, w, h)]
        x0, y0 = max(0, round(x + off[0])), max(0, round(y + off[1]))
        x1, y1 = min(WH[0], round(x + w + off[2])), min(WH[1], round(y + h + off[3]))
        small = cv2.GaussianBlur(cv2.resize(area[y0:y1, x0:x1], (MAP, MAP), interpolation=cv2.INTER_AREA), (3, 3), 0.7)
        box = (x0 / WH[0], y0 / WH[1], x1 / WH[0], y1 / WH[1])
        return Instance(0, score, box, MAP, MAP, np.asarray(small, np.uint8).tobytes())
    if kind == "wavy":
        waves = np.random.default_rng(rng.getrandbits(32)).normal(0, 2, (9, 16)).astype(np.float32)
        signed = cv2.distanceTransform(area, cv2.DIST_L2, 3) - cv2.distanceTransform(255 - area, cv2.DIST_L2, 3)
        area = np.where(signed + cv2.resize(waves, WH, interpolation=cv2.INTER_CUBIC) > 0, 255, 0).astype(np.uint8)
    if kind in ("eroded", "dilated"):
        change = cv2.erode if kind == "eroded" else cv2.dilate
        area = np.asarray(change(area, np.ones((rng.choice((3, 5)),) * 2, np.uint8)), np.uint8)
    return instance_of(area > 0, score)


class _Script:
    """Where both are at a time of a course."""

    def __init__(self, course: Course, rng: random.Random) -> None:
        self._course = course
        self._wide = TALL * WH[1] / WH[0]  # nearly that of either
        self._seat = rng.uniform(0.42, 0.58)
        self._beside = self._seat + (0.36 if course.leaves == "left" else -0.36)
        self.comes_s = BEGIN_S + self._way_s(course.leaves) + course.gap_s
        if course.meanwhile == "passes":
            self.ends_s = BEGIN_S + (1 + self._wide) / course.speed + 2.0
        else:
            self.ends_s = self.comes_s + self._way_s(course.side) + STAYS_S

    def subject(self, t: float) -> float | None:
        """The subject's middle, None where it is away."""
        course = self._course
        if t < BEGIN_S or course.meanwhile == "passes":
            return self._seat
        if t < self.comes_s - course.gap_s:
            return self._towards(self._seat, course.leaves, t - BEGIN_S)
        return self._coming(t) if course.comes == "subject" else None

    def other(self, t: float) -> float | None:
        """The same of the other one."""
        course = self._course
        if course.meanwhile == "passes":
            return self._out("left") + max(0.0, t - BEGIN_S) * course.speed
        if course.meanwhile == "beside":
            return self._beside
        if course.meanwhile == "leaves" and t < self.comes_s:
            return self._towards(self._beside, course.leaves, max(0.0, t - BEGIN_S - 0.5))
        return self._coming(t) if course.comes == "other" else None

    def _out(self, side: str) -> float:
        return -self._wide / 2 - 0.02 if side == "left" else 1.02 + self._wide / 2

    def _way_s(self, side: str) -> float:
        """How long it takes from the seat out of sight."""
        return 0.0 if side == "middle" else abs(self._out(side) - self._seat) / self._course.speed

    def _coming(self, t: float) -> float | None:
        if t < self.comes_s:
            return None
        if self._course.side == "middle":
            return self._seat
        start, way = self._out(self._course.side), (t - self.comes_s) * self._course.speed
        return min(start + way, self._seat) if start < self._seat else max(start - way, self._seat)

    def _towards(self, start: float, side: str, seconds: float) -> float:
        return start + (-1 if side == "left" else 1) * seconds * self._course.speed


def moments(course: Course) -> Iterator[Moment]:
    """Play a course."""
    rng = random.Random(f"returns {course}")
    script = _Script(course, rng)
    gains = (
        np.ones(3),
        rng.uniform(1 - LIGHT, 1 + LIGHT) * np.array([rng.uniform(1 - TINT, 1 + TINT) for _ in range(3)]),
    )
    tables = [np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)[None] for gain in gains]
    tall = [round(TALL * WH[1] * factor) for factor in (1.0, rng.uniform(1 - SIZE, 1 + SIZE))]
    mirrored = (False, rng.random() < 0.3)
    who = {"subject": course.subject, "other": PEOPLE[1 - PEOPLE.index(course.subject)]}
    in_front = "other" if course.meanwhile == "passes" else "subject"
    for t in _times(script, course.hz, rng):
        after = t >= script.comes_s
        places = {"other": script.other(t), "subject": script.subject(t)}
        there = sorted(((n, c) for n, c in places.items() if c is not None), key=lambda item: item[0] == in_front)
        bottom = 1.03 + 0.01 * math.sin(9 * t)
        cast = [(dressed(who[n], course.jumper, tall[after], mirrored[after]), Stand(c, bottom)) for n, c in there]
        clean, masks = picture_of(cast)
        picture = np.asarray(cv2.add(cv2.LUT(clean, tables[after]), rng.choice(_noise()), dtype=cv2.CV_8U), np.uint8)
        surer = {"subject": 0.9, "other": 0.99 if t else 0.5}  # but in the first result, where the subject is chosen
        found = {n: seen_by_a_network(mask, surer[n], rng) for (n, _), mask in zip(there, masks, strict=True)}
        yield Moment(t, after, picture, found)


def _times(script: _Script, hz: int, rng: random.Random) -> Iterator[float]:
    """When frames are looked at: unevenly, and rarely while nobody is there."""
    t = 0.0
    while t < script.ends_s:
        yield t
        step = rng.uniform(0.8, 1.2) / hz
        if script.subject(t) is None and script.other(t) is None and t + 1 < script.comes_s:
            step = min(max(step, 0.5), script.comes_s - t)
        t += step


def follow(course: Course) -> Returned:
    """Have a tracker without a matte, which would help it, follow the subject of a course."""
    tracker = Tracker(ComposeSettings(refine="none"), None)
    wrong, back, asked, lost = 0, False, False, 0
    for frame_id, moment in enumerate(moments(course)):
        at_ns = round((moment.at_s + 1) * 1e9)
        tracker.see(FrameInfo(1, frame_id, at_ns, frame_id, "s", frame_id, *WH), ImagePyramid(moment.picture))
        people = tuple(i for i in moment.found.values() if i is not None)
        choice = tracker.choose(MasksInferred(1, frame_id, at_ns, 1, "w", "m", people))
        shown = choice.subjects[0] if choice.subjects else None
        wrong += shown is not None and shown is moment.found.get("other")
        asked |= bool(choice.question)
        if shown is not None and shown is moment.found.get("subject"):
            back |= moment.after
        elif moment.at_s < BEGIN_S:
            lost += 1
    return Returned(wrong, back, asked, lost)


def wrong_ones(seeds: int) -> Iterator[Course]:
    """Courses in which only the other one comes, or both are in view: it must never be shown."""
    for seed in range(seeds):
        rng = random.Random(f"wrong {seed}")
        for subject in PEOPLE:
            for jumper in JUMPERS:
                for gap_s in GAPS_S:
                    leaves = rng.choice(("left", "right", "middle"))
                    side = rng.choice((leaves, leaves, "left", "right", "middle"))
                    meanwhile = rng.choice(("", "", "", "beside", "leaves", "passes"))
                    comes = "other" if meanwhile in ("", "leaves") else "subject"
                    hz, speed = rng.choice(RATES_HZ), rng.uniform(0.25, 0.7)
                    yield Course(subject, jumper, leaves, comes, side, gap_s, hz, speed, seed, meanwhile)


def ordinary_ones(seeds: int) -> Iterator[Course]:
    """Courses in which the subject comes back within ten seconds the way it left, both in their own clothes."""
    for seed in range(seeds):
        rng = random.Random(f"ordinary {seed}")
        for subject in PEOPLE:
            for gap_s in (0.5, 1.0, 2.0, 4.0, 8.0):
                leaves, meanwhile = rng.choice(("left", "right", "middle")), rng.choice(("", "", "beside"))
                hz, speed = rng.choice(RATES_HZ), rng.uniform(0.25, 0.7)
                yield Course(subject, OWN, leaves, "subject", leaves, gap_s, hz, speed, seed, meanwhile)
