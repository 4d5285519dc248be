"""Draws the demo scene: a portrait that breathes before a finely patterned wall, and a second person who walks by.

Every frame is a pure function of its index, and the exact mask of each person is known: it is the opacity with which that
person is drawn. The portraits are in the public domain (capture/portraits.py).
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

PATTERN_CELL = 2  # pixels: a checkerboard far finer than any allowed blur
PATTERN_AMPLITUDE = 28  # grey levels
SWAY_S, CROSSING_S, AWAY_S = 5.0, 9.0, 4.0
NEAR = 0.30  # frame widths between the subject and the bystander in front of its shoulder
FAR = 0.83  # size of the bystander behind the subject
BREATH_S, TILT_S, STEP_S = 3.7, 6.3, 1.1


class Place(NamedTuple):
    """The place of a person.

    centre: Middle of the lower end, in frame widths.
    bottom: The lower end, in frame heights.
    lean: Shear to the right, in columns per row.
    size: Scale, 1 is the largest.
    """

    centre: float
    bottom: float
    lean: float = 0.0
    size: float = 1.0


class Places(NamedTuple):
    """The places of both people at one moment; None for a person who is not in the scene."""

    subject: Place | None
    bystander: Place | None
    bystander_in_front: bool = False


Course = Callable[[float, float], Places]  # seconds since the beginning, width of the bystander in frame widths


def sways(seconds: float) -> Place:
    """Return the place of a person who sits in front of a camera and moves by less than 5 % of the frame's width."""
    aside = math.sin(2 * math.pi * seconds / SWAY_S)
    return Place(0.5 + 0.03 * aside, 1.016, 0.03 * aside)


def demo_course(seconds: float, wide: float) -> Places:
    """Return the places in the demo.

    The bystander walks by behind the subject. Later the bystander comes, stands in front of the subject's shoulder, and
    leaves. Each visit takes `CROSSING_S`, then the subject is alone for a while.
    """
    visit, since = divmod(seconds, CROSSING_S + AWAY_S)
    progress = min(since / CROSSING_S, 1.0)  # the first visit starts at once
    bottom = 1.02 - 0.006 * abs(math.sin(math.pi * seconds / STEP_S))
    if visit % 2 == 0:
        return Places(sways(seconds), Place(progress * (1 + wide) - wide / 2, bottom, size=FAR))
    away = _away(progress)
    beside = NEAR + (0.5 + wide / 2 - NEAR) * away
    return Places(sways(seconds), Place(0.5 + beside, bottom, size=1 + (FAR - 1) * away), bystander_in_front=True)


def _away(progress: float) -> float:
    """Return the distance, smoothly 1..0..1, of a person who comes, stays for two tenths of the time, and leaves."""
    left = min(max(abs(2 * progress - 1) - 0.2, 0.0) / 0.8, 1.0)
    return left * left * (3 - 2 * left)


def _pose(place: Place, seconds: float) -> Pose:
    """Return the pose of a person, who breathes and turns the head a little."""
    breath = 0.5 - 0.5 * math.cos(2 * math.pi * seconds / BREATH_S)
    tilt = math.sin(2 * math.pi * seconds / TILT_S) + 0.25 * math.sin(2 * math.pi * seconds / (0.37 * TILT_S))
    return Pose(place.lean, 0.02 * tilt, 0.014 * breath, place.size)


class Masks(NamedTuple):
    """The visible pixels of each person, (H, W) bool."""

    subject: Mask
    bystander: Mask


class DemoScene:
    """Draw the scene at one size and rate.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        fps: Frames a second. Frame `index` shows the time index / fps.
        course: Returns the places of both people at a time.

    Raises:
        AssetError: A portrait cannot be fetched.
    """

    def __init__(self, width: int, height: int, fps: float, course: Course = demo_course) -> None:
        self._course = course
        self.size_wh = (width, height)
        self.fps = fps
        self.wall = _draw_wall(width, height)
        self._subject = cut_out(SUBJECT, round(height * 0.84))
        self._bystander = cut_out(BYSTANDER, round(height * 0.70))

    def frame(self, index: int) -> BgrImage:
        """Return frame `index`, a new array (H, W, 3) uint8 BGR."""
        picture = self.wall.copy()
        for _, piece in self._cast(index):
            paste(picture, piece)
        return picture

    def masks(self, index: int) -> Masks:
        """Return the exact masks of frame `index`: pixels with an opacity above one half, without those that the other person covers."""
        masks = Masks(*(np.zeros(self.size_wh[::-1], np.bool_) for _ in range(2)))
        for person, piece in self._cast(index):
            here = piece.alpha > 127
            for mask in masks:
                mask[piece.where] &= ~here
            (masks.subject if person is self._subject else masks.bystander)[piece.where] |= here
        return masks

    def _cast(self, index: int) -> Iterator[tuple[Sprite, Piece]]:
        """Yield the pieces to draw with their sprites, back to front."""
        width, height = self.size_wh
        seconds = index / self.fps
        places = self._course(seconds, self._bystander.alpha.shape[1] / width)
        cast = [(self._bystander, places.bystander), (self._subject, places.subject)]
        for person, place in cast[::-1] if places.bystander_in_front else cast:
            if place is not None:
                foot = place.centre * width, place.bottom * height
                yield from ((person, piece) for piece in pieces(person, foot, _pose(place, seconds), self.size_wh))


def _draw_wall(width: int, height: int) -> BgrImage:
    """Draw the wall of a room: plain colour, shelves of books and a picture, with a fine checkerboard over all of it."""
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
