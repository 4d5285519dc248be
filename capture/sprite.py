"""Animates the cut-out of a person, who leans, breathes and turns the head, with two sheared pieces that meet at the neck.

The body is sheared, and the head is sheared once more. Both are continuous where they meet, and OpenCV computes them faster
than the blending. Opacity is warped together with colour, so the mask of what is drawn is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import BgraImage, BgrImage, SoftMask

NECK = 0.54  # height of the neck as a share of the sprite's height, from below


class Pose(NamedTuple):
    """The pose of a person at one moment.

    Attributes:
        lean: Shear of the whole person to the right, in columns per row.
        tilt: Additional shear of the head.
        breath: Rise of the chest, as a share of its height.
        size: Scale at which the sprite is drawn.
    """

    lean: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    size: float = 1.0


class Piece(NamedTuple):
    """A part of a sprite, warped to its place in the picture.

    Attributes:
        where: Rows and columns of the picture.
        weighted: (h, w, 4) uint8, premultiplied colour and opacity.
    """

    where: tuple[slice, slice]
    weighted: BgraImage

    @property
    def alpha(self) -> SoftMask:
        """Opacity, (h, w) uint8."""
        return self.weighted[..., 3]


@dataclass(frozen=True)
class Sprite:
    """The cut-out of a person: colour (h, w, 3) uint8 BGR, which extends beyond the edge, and opacity (h, w) uint8."""

    colour: BgrImage
    alpha: SoftMask

    @cached_property
    def weighted(self) -> BgraImage:
        """Premultiplied colour and opacity, (h, w, 4) uint8, which can be warped together."""
        colour = cv2.multiply(self.colour, cv2.merge([self.alpha] * 3), scale=1 / 255)
        return np.asarray(cv2.merge([*cv2.split(colour), self.alpha]), np.uint8)

    @cached_property
    def columns(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last column of the head, and of the body."""
        neck = round(self.alpha.shape[0] * (1 - NECK))
        boxes = (cv2.boundingRect(part) for part in (self.alpha[:neck], self.alpha[neck:]))
        head, body = ((x, x + width) for x, _, width, _ in boxes)
        return head, body


def pieces(sprite: Sprite, foot: tuple[float, float], pose: Pose, size_wh: tuple[int, int]) -> Iterator[Piece]:
    """Warp head and body of a sprite to their place, and clip them to the picture.

    Args:
        sprite: The person.
        foot: Place of the middle of the lower end in the picture: x, y in pixels.
        pose: Pose of the person.
        size_wh: Size of the picture.
    """
    (tall, wide), (x, y), size = sprite.alpha.shape, foot, pose.size
    neck = y - NECK * tall * size * (1 + pose.breath)
    between = math.floor(neck)
    head, body = sprite.columns
    for first, last, columns, tilt, grown in (
        (math.floor(neck - (1 - NECK) * tall * size), between, head, pose.tilt, size),
        (between, math.ceil(y), body, 0.0, size * (1 + pose.breath)),
    ):
        # where a pixel (column, row) of the picture comes from: (column + lean * row) / size + left, row / grown + up
        lean, left = pose.lean + tilt, (wide - 1) / 2 - (x + pose.lean * y + tilt * neck) / size
        up = (1 - NECK) * tall - neck / grown
        rows = max(first, 0), min(last, size_wh[1])
        edges = [(column - left) * size - lean * row for column in columns for row in (first, last)]
        across = max(math.floor(min(edges)), 0), min(math.ceil(max(edges)) + 1, size_wh[0])
        if rows[0] < rows[1] and across[0] < across[1]:
            corner = (across[0] + lean * rows[0]) / size + left, rows[0] / grown + up
            back = np.array([[1 / size, lean / size, corner[0]], [0, 1 / grown, corner[1]]], np.float64)
            weighted = cv2.warpAffine(
                sprite.weighted,
                back,
                (across[1] - across[0], rows[1] - rows[0]),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            yield Piece((slice(*rows), slice(*across)), np.asarray(weighted, np.uint8))


def paste(picture: BgrImage, piece: Piece) -> None:
    """Draw a piece into a picture, (H, W, 3) uint8 BGR."""
    there = picture[piece.where]
    through = cv2.merge([cv2.bitwise_not(piece.alpha)] * 3)
    there[:] = cv2.add(cv2.multiply(there, through, scale=1 / 255), cv2.cvtColor(piece.weighted, cv2.COLOR_BGRA2BGR))
