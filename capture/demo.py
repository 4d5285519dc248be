"""The demo scene: one real portrait moving in front of a finely patterned wall, a second person crossing behind.

Everything is a pure function of the frame's index, so the exact mask of each person is known by construction. The
portraits (public domain) are cut out once with the matte and GrabCut; whatever that cut is, it *is* the person here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.assets import ADMIRAL, ASTRONAUT, MATTE, fetch
from common.matte import Matte

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PATTERN_CELL = 2  # pixels: a checkerboard far finer than any blur that is allowed
PATTERN_AMPLITUDE = 28  # grey levels up and down
SWAY_S, CROSSING_S, AWAY_S = 5.0, 9.0, 4.0


class Place(NamedTuple):
    """Where a person is: the middle of its picture in widths of the frame, the lower end of it in heights."""

    centre: float
    bottom: float


class Places(NamedTuple):
    """Who is where at one moment; None: not in the scene."""

    subject: Place | None
    bystander: Place | None
    bystander_in_front: bool = False


Course = Callable[[float, float], Places]  # of the seconds since the beginning and the bystander's width in frames


def sways(seconds: float) -> Place:
    """How somebody sits in front of a camera."""
    nod = math.sin(2 * math.pi * seconds / (SWAY_S * 0.37))
    return Place(0.5 + 0.05 * math.sin(2 * math.pi * seconds / SWAY_S), 1.016 + 0.01 * nod)


def demo_course(seconds: float, wide: float) -> Places:
    """The bystander crosses from outside on the left to outside on the right, then is away for a while."""
    progress = min((seconds % (CROSSING_S + AWAY_S)) / CROSSING_S, 1.0)  # the crossing starts at once
    return Places(sways(seconds), Place(progress * (1 + wide) - wide / 2, 0.97))


class Masks(NamedTuple):
    """Visible pixels of each person, (H, W) bool."""

    subject: Mask
    bystander: Mask


@dataclass(frozen=True, slots=True)
class _Sprite:
    """A person cut out: colour (h, w, 3) uint8 BGR and opacity (h, w) uint8."""

    colour: Picture
    alpha: NDArray[np.uint8]


class DemoScene:
    """The scene of one size and rate.

    Args:
        width: Pixels.
        height: Pixels.
        fps: Frames a second, which turns an index into a time.
        course: Who is where, and when.

    Raises:
        AssetError: A portrait or the matte is not here and cannot be fetched.
    """

    def __init__(self, width: int, height: int, fps: float, course: Course = demo_course) -> None:
        matte = Matte(fetch(MATTE))
        self._course = course
        self.size_wh = (width, height)
        self.fps = fps
        self.wall = _draw_wall(width, height)
        self._subject = _cut_out(fetch(ASTRONAUT), matte, round(height * 0.80))
        self._bystander = _cut_out(fetch(ADMIRAL), matte, round(height * 0.66))

    def frame(self, index: int) -> Picture:
        """Frame `index`, (H, W, 3) uint8 BGR, a new array."""
        picture = self.wall.copy()
        for sprite, corner in self._cast(index):
            _paste(picture, sprite, corner)
        return picture

    def masks(self, index: int) -> Masks:
        """Exact masks of frame `index`: where more than half of a pixel is that person's and nobody stands before it."""
        visible = {id(sprite): np.zeros(self.size_wh[::-1], np.bool_) for sprite in (self._subject, self._bystander)}
        for sprite, corner in self._cast(index):
            here = self._place(sprite, corner)
            visible = {who: mask & ~here for who, mask in visible.items()}
            visible[id(sprite)] = here
        return Masks(visible[id(self._subject)], visible[id(self._bystander)])

    def _cast(self, index: int) -> list[tuple[_Sprite, tuple[int, int]]]:
        """Who stands where (top-left corner x, y), back to front."""
        width, height = self.size_wh
        wide = self._bystander.alpha.shape[1] / width
        places = self._course(index / self.fps, wide)
        cast = []
        for sprite, place in ((self._bystander, places.bystander), (self._subject, places.subject)):
            if place is not None:
                tall, broad = sprite.alpha.shape
                cast.append((sprite, (round(place.centre * width - broad / 2), round(place.bottom * height - tall))))
        return cast[::-1] if places.bystander_in_front else cast

    def _place(self, sprite: _Sprite, corner: tuple[int, int]) -> Mask:
        mask = np.zeros(self.size_wh[::-1], np.uint8)
        there, here = _overlap(mask.shape, sprite.alpha.shape, corner)
        mask[there] = sprite.alpha[here]
        return mask > 127


def _overlap(
    canvas: tuple[int, ...], sprite: tuple[int, ...], corner: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of canvas and sprite where both are, the sprite's corner being at x, y."""
    x, y = corner
    x0, y0 = min(max(x, 0), canvas[1]), min(max(y, 0), canvas[0])
    x1, y1 = max(min(x + sprite[1], canvas[1]), x0), max(min(y + sprite[0], canvas[0]), y0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))


def _paste(picture: Picture, sprite: _Sprite, corner: tuple[int, int]) -> None:
    there, here = _overlap(picture.shape, sprite.alpha.shape, corner)
    weight = sprite.alpha[here].astype(np.float32) / 255
    if weight.size:
        picture[there] = cv2.blendLinear(
            np.ascontiguousarray(sprite.colour[here]), np.ascontiguousarray(picture[there]), weight, 1 - weight
        )


def _cut_out(path: Path, matte: Matte, height: int) -> _Sprite:
    """The person of a portrait, scaled to `height`; the matte says roughly where, GrabCut finds the edge."""
    portrait = np.asarray(cv2.imread(str(path)), np.uint8)
    likely = cv2.resize(matte.infer(portrait), portrait.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    labels = np.select(
        [likely > 0.95, likely > 0.5, likely > 0.05], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD], cv2.GC_BGD
    ).astype(np.uint8)
    cv2.setRNGSeed(1)
    cv2.grabCut(portrait, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    alpha = cv2.medianBlur(alpha, 9)
    alpha = np.clip(cv2.GaussianBlur(alpha, (5, 5), 0).astype(int) * 2 - 255, 0, 255).astype(np.uint8)
    size_wh = (round(portrait.shape[1] * height / portrait.shape[0]), height)
    colour = cv2.resize(portrait, size_wh, interpolation=cv2.INTER_CUBIC)
    return _Sprite(colour, cv2.resize(alpha, size_wh, interpolation=cv2.INTER_LINEAR))


def _draw_wall(width: int, height: int) -> Picture:
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
    drawn: Picture = np.clip(wall + checker[..., None], 0, 255).astype(np.uint8)
    return drawn
