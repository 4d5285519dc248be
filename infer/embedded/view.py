"""Square parts of a picture as the networks take them, and the way back. Pure.

Points are continuous: the middle of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.pyramid import ImagePyramid

Points = NDArray[np.float64]  # (N, 2): x and y
FINER = 1.3  # a pyramid level has at least so many pixels for each pixel of the square that is cut out of it
MOST_SQUARES = 4  # of a picture that is longer than a camera gives
ONE_SQUARE = 1.2  # a picture that is longer than this by its breadth has more to show in squares than as a whole


class Square(NamedTuple):
    """A square part of a picture, turned by `angle` (radians, from x towards y). It may stick out of the picture.

    x, y: The middle, pixels.
    side: Pixels.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def matrix(self, pixels: int, scale: float = 1.0) -> NDArray[np.float64]:
        """Return (2, 3): from pixel numbers of this square drawn with `pixels` a side to pixel numbers of the picture drawn
        at `scale`, as cv2.warpAffine wants it."""
        step = self.side / pixels
        across, down = step * math.cos(self.angle), step * math.sin(self.angle)
        middle = pixels / 2 - 0.5  # pixel numbers are those of the pixels' middles
        turned = np.array([[across, -down, self.x], [down, across, self.y]])
        turned[:, 2] -= turned[:, :2] @ (middle, middle)
        return scale * turned - [[0, 0, 0.5]]

    def to_picture(self, points: NDArray[np.floating]) -> Points:
        """Return points (N, 2) of the picture, pixels, for points in 0..1 of this square."""
        turn = np.array([[math.cos(self.angle), math.sin(self.angle)], [-math.sin(self.angle), math.cos(self.angle)]])
        return np.asarray((points - 0.5) * self.side @ turn + (self.x, self.y), np.float64)


def whole(size_wh: tuple[int, int]) -> Square:
    """Return the square that holds a picture of `size_wh`, with equal bars at two sides."""
    width, height = size_wh
    return Square(width / 2, height / 2, max(width, height))


def ends(size_wh: tuple[int, int]) -> list[Square]:
    """Return squares of the picture's short side that together cover it, if it is no strip, or none where the picture is nearly one square."""
    width, height = size_wh
    short, long = min(size_wh), max(size_wh)
    count = min(MOST_SQUARES, math.ceil(long / short - (ONE_SQUARE - 1)))
    if count < 2:
        return []
    middles = np.linspace(short / 2, long - short / 2, count)
    return [
        Square(m, height / 2, short) if width > height else Square(width / 2, m, short) for m in map(float, middles)
    ]


def taken(pyramid: ImagePyramid, square: Square, pixels: int) -> NDArray[np.uint8]:
    """Return (pixels, pixels, 3) uint8 RGB, a square of a picture, black where it sticks out."""
    times = max(0, math.floor(math.log2(max(1.0, square.side / pixels / FINER))))
    level = pyramid[min(times, min(pyramid.picture.shape[:2]).bit_length() - 1)]  # a thin strip has few levels
    scale = level.shape[1] / pyramid.picture.shape[1]
    drawn = cv2.warpAffine(
        level, square.matrix(pixels, scale), (pixels, pixels), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(cv2.cvtColor(drawn, cv2.COLOR_BGR2RGB), np.uint8)


def put_back(drawn: NDArray[np.float32], square: Square, grid_wh: tuple[int, int], scale: float) -> NDArray[np.float32]:
    """Return (h, w) float32: a square, drawn (n, n), where it lies on a grid over the picture; 0 elsewhere.

    Args:
        drawn: What a network says of a square.
        square: Which.
        grid_wh: Columns and rows.
        scale: Cells a pixel.
    """
    pixels = len(drawn)
    cells_a_pixel = scale * square.side / pixels
    if cells_a_pixel < 0.5:  # a cell stands for the pixels around it, not for the nearest two
        drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.4 / cells_a_pixel), np.float32)
    return np.asarray(cv2.warpAffine(drawn, square.matrix(pixels, scale), grid_wh), np.float32)
