"""Crops squares of a picture for the networks, and maps their results back. Pure.

Coordinates are continuous: the middle of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import RgbImage
from common.vision.pyramid import ImagePyramid

Points = NDArray[np.float64]  # (N, 2): x and y
FINER = 1.3  # a pyramid level has at least so many pixels for each pixel of the square that is cut out of it
MOST_SQUARES = 4  # in a picture that is longer than those of a camera
ONE_SQUARE = 1.2  # a picture whose sides have a larger ratio is searched in several squares


class Square(NamedTuple):
    """A square in a picture, rotated by `angle` (radians, from x towards y). It may extend beyond the picture.

    x, y: Middle in pixels.
    side: Length in pixels.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def matrix(self, pixels: int, scale: float = 1.0) -> NDArray[np.float64]:
        """Return the (2, 3) matrix for cv2.warpAffine that maps pixel numbers of this square, drawn with `pixels` a side, to
        pixel numbers of the picture, drawn at `scale`."""
        step = self.side / pixels
        across, down = step * math.cos(self.angle), step * math.sin(self.angle)
        middle = pixels / 2 - 0.5  # pixel numbers are those of the pixels' middles
        turned = np.array([[across, -down, self.x], [down, across, self.y]])
        turned[:, 2] -= turned[:, :2] @ (middle, middle)
        return scale * turned - [[0, 0, 0.5]]

    def to_picture(self, points: NDArray[np.floating]) -> Points:
        """Convert points (N, 2) in 0..1 of this square to pixels of the picture."""
        turn = np.array([[math.cos(self.angle), math.sin(self.angle)], [-math.sin(self.angle), math.cos(self.angle)]])
        return np.asarray((points - 0.5) * self.side @ turn + (self.x, self.y), np.float64)


def whole_square(size_wh: tuple[int, int]) -> Square:
    """Return the smallest square around a picture of `size_wh`, with equal bars at two sides."""
    width, height = size_wh
    return Square(width / 2, height / 2, max(width, height))


def end_squares(size_wh: tuple[int, int]) -> list[Square]:
    """Return squares as large as the short side that cover the picture, at most MOST_SQUARES; none if it is nearly square."""
    width, height = size_wh
    short, long = min(size_wh), max(size_wh)
    count = min(MOST_SQUARES, math.ceil(long / short - (ONE_SQUARE - 1)))
    if count < 2:
        return []
    middles = np.linspace(short / 2, long - short / 2, count)
    return [
        Square(m, height / 2, short) if width > height else Square(width / 2, m, short) for m in map(float, middles)
    ]


def crop(pyramid: ImagePyramid, square: Square, pixels: int) -> RgbImage:
    """Return a square of a picture, (pixels, pixels, 3) uint8 RGB, black beyond the picture."""
    times = max(0, math.floor(math.log2(max(1.0, square.side / pixels / FINER))))
    level = pyramid[min(times, min(pyramid.picture.shape[:2]).bit_length() - 1)]  # a thin strip has few levels
    scale = level.shape[1] / pyramid.picture.shape[1]
    drawn = cv2.warpAffine(
        level, square.matrix(pixels, scale), (pixels, pixels), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(cv2.cvtColor(drawn, cv2.COLOR_BGR2RGB), np.uint8)


def paste_back(
    drawn: NDArray[np.float32], square: Square, grid_wh: tuple[int, int], scale: float
) -> NDArray[np.float32]:
    """Return (h, w) float32: a network's output for a square, at its place on a grid over the picture; 0 elsewhere.

    Args:
        drawn: (n, n) output of the network.
        square: Its square in the picture.
        grid_wh: Columns and rows of the grid.
        scale: Cells per pixel.
    """
    pixels = len(drawn)
    cells_a_pixel = scale * square.side / pixels
    if cells_a_pixel < 0.5:  # several pixels fall into a cell: use their mean, not the nearest two
        drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.4 / cells_a_pixel), np.float32)
    return np.asarray(cv2.warpAffine(drawn, square.matrix(pixels, scale), grid_wh), np.float32)
