"""The demo scene: one real portrait that breathes before a finely patterned wall, and a second person who walks by.

Everything is a pure function of the frame's index, so the exact mask of each person is known by construction: it is the
opacity with which that person is drawn. The portraits are in the public domain (capture/portraits.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from capture.portraits import BYSTANDER, SUBJECT, cut_out
from capture.sprite import Piece, Pose, Sprite, paste, pieces
from common.vision.arrays import BgrImage, Mask

PATTERN_CELL = 2  # pixels: a checkerboard far finer than any blur that is allowed
PATTERN_AMPLITUDE = 28  # grey levels up and down
SWAY_S, CROSSING_S, AWAY_S = 5.0, 9.0, 4.0
NEAR = 0.30  # frame widths from the subject to the bystander who stands before its shoulder
FAR = 0.83  # how large the bystander is behind the subject
BREATH_S, TILT_S, STEP_S = 3.7, 6.3, 1.1


class Place(NamedTuple):
    """Where a person is: the middle of its lower end in widths of the frame, that end in heights; how far it leans to the
    right, in columns a row; and how large it is drawn, 1 being as large as it gets."""

    centre: float
    bottom: float
    lean: float = 0.0
    size: float = 1.0


class Places(NamedTuple):
    """Who is where at one moment; None: not in the scene."""

    subject: Place | None
    bystander: Place | None
    bystander_in_front: bool = False


Course = Callable[[float, float], Places]  # of the seconds since the beginning and the bystander's width in frames


def sways(seconds: float) -> Place:
    """How somebody sits in front of a camera: with the turns of the head it moves by less than 5 % of the frame's width
    to either side."""
    aside = math.sin(2 * math.pi * seconds / SWAY_S)
    return Place(0.5 + 0.03 * aside, 1.016, 0.03 * aside)


def demo_course(seconds: float, wide: float) -> Places:
    """The bystander walks by behind the subject; then comes up to the subject's side, stands before its shoulder, and goes
    again. Each takes `CROSSING_S`, then nobody else is there for a while."""
    visit, since = divmod(seconds, CROSSING_S + AWAY_S)
    progress = min(since / CROSSING_S, 1.0)  # a visit starts at once
    bottom = 1.02 - 0.006 * abs(math.sin(math.pi * seconds / STEP_S))
    if visit % 2 == 0:
        return Places(sways(seconds), Place(progress * (1 + wide) - wide / 2, bottom, size=FAR))
    away = _away(progress)
    beside = NEAR + (0.5 + wide / 2 - NEAR) * away
    return Places(sways(seconds), Place(0.5 + beside, bottom, size=1 + (FAR - 1) * away), bystander_in_front=True)


def _away(progress: float) -> float:
    """How far somebody is away who comes, stays for two tenths of the time, and goes: 1..0..1, smoothly."""
    left = min(max(abs(2 * progress - 1) - 0.2, 0.0) / 0.8, 1.0)
    return left * left * (3 - 2 * left)


def _pose(place: Place, seconds: float) -> Pose:
    """How somebody who is at a place holds themselves: breathing, and turning the head a little."""
    breath = 0.5 - 0.5 * math.cos(2 * math.pi * seconds / BREATH_S)
    tilt = math.sin(2 * math.pi * seconds / TILT_S) + 0.25 * math.sin(2 * math.pi * seconds / (0.37 * TILT_S))
    return Pose(place.lean, 0.02 * tilt, 0.014 * breath, place.size)


class Masks(NamedTuple):
    """Visible pixels of each person, (H, W) bool."""

    subject: Mask
    bystander: Mask


class DemoScene:
    """The scene of one size and rate.

    Args:
        width: Pixels.
        height: Pixels.
        fps: Frames a second, which turns an index into a time.
        course: Who is where, and when.

    Raises:
        AssetError: A portrait is not here and cannot be fetched.
    """

    def __init__(self, width: int, height: int, fps: float, course: Course = demo_course) -> None:
        self._course = course
        self.size_wh = (width, height)
        self.fps = fps
        self.wall = _draw_wall(width, height)
        self._subject = cut_out(SUBJECT, round(height * 0.84))
        self._bystander = cut_out(BYSTANDER, round(height * 0.70))

    def frame(self, index: int) -> BgrImage:
        """Frame `index`, (H, W, 3) uint8 BGR, a new array."""
        picture = self.wall.copy()
        for _, piece in self._cast(index):
            paste(picture, piece)
        return picture

    def masks(self, index: int) -> Masks:
        """Exact masks of frame `index`: where more than half of a pixel is that person's and nobody stands before it."""
        masks = Masks(*(np.zeros(self.size_wh[::-1], np.bool_) for _ in range(2)))
        for who, piece in self._cast(index):
            here = piece.alpha > 127
            for mask in masks:
                mask[piece.where] &= ~here
            (masks.subject if who is self._subject else masks.bystander)[piece.where] |= here
        return masks

    def _cast(self, index: int) -> Iterator[tuple[Sprite, Piece]]:
        """What is drawn of whom, back to front."""
        width, height = self.size_wh
        seconds = index / self.fps
        places = self._course(seconds, self._bystander.alpha.shape[1] / width)
        cast = [(self._bystander, places.bystander), (self._subject, places.subject)]
        for who, place in cast[::-1] if places.bystander_in_front else cast:
            if place is not None:
                foot = place.centre * width, place.bottom * height
                yield from ((who, piece) for piece in pieces(who, foot, _pose(place, seconds), self.size_wh))


def _draw_wall(width: int, height: int) -> BgrImage:
    """A room's wall: plain colour, a shelf of books, pictures, and over all of it the fine checkerboard."""
    rng = np.random.default_rng(7)
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = (150, 165, 160)
    wall *= np.linspace(1.1, 0.85, width, dtype=np.float32)[None, :, None]
    unit = height / 36

    def box(x: float, y: float, w: float, h: float, colour: tuple[float, ...]) -> None:
        cv2.rectangle(wall, (round(x), round(y)), (round(x + w), round(y + h)), colour, cv2.FILLED)

    for left in (0.04 * width, 0.72 * width):
        for top in (6 * unit, 14 * unit):
            x = left
            while x < left + 0.22 * width:
                wide, tall = rng.uniform(0.6, 1.4) * unit, rng.uniform(4, 6) * unit
                box(x, top + 6 * unit - tall, wide, tall, tuple(rng.uniform(60, 200, 3)))
                x += wide + 2
            box(left - unit, top + 6 * unit, 0.22 * width + 2 * unit, 0.6 * unit, (70, 95, 120))
    box(0.38 * width, 3 * unit, 0.24 * width, 11 * unit, (80, 90, 100))
    box(0.39 * width, 3.6 * unit, 0.22 * width, 9.8 * unit, (190, 180, 150))
    y, x = np.mgrid[:height, :width]
    checker = ((x // PATTERN_CELL + y // PATTERN_CELL) % 2 * 2 - 1).astype(np.float32) * PATTERN_AMPLITUDE
    drawn: BgrImage = np.clip(wall + checker[..., None], 0, 255).astype(np.uint8)
    return drawn
