"""Turns and stretches a decoded frame to the picture that its file means. Arithmetic only.

A phone stores how it was held as a display matrix (ISO/IEC 14496-12, 8.2.2), and television stores pixels that are not square.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np

from common.vision.arrays import BgrImage

MATRIX = struct.Struct("=9i")  # as FFmpeg has it: a b u, c d v, x y w
WIDEST_PIXEL, LARGEST_SIDE = 4, 16384


class Turn(NamedTuple):
    """How a picture is turned by multiples of 90°: rows and columns exchanged first, then mirrored.

    transpose: Exchange rows and columns.
    mirror_rows: The last row comes first.
    mirror_columns: The last column comes first.
    """

    transpose: bool = False
    mirror_rows: bool = False
    mirror_columns: bool = False


def turn_of(matrix: bytes) -> Turn:
    """Return the turn that a display matrix stands for; an oblique one counts as the nearest multiple of 90°.

    Args:
        matrix: Nine integers of four bytes. A pixel at (x, y) belongs at (a x + c y, b x + d y).
    """
    if len(matrix) != MATRIX.size:
        return Turn()
    a, b, _, c, d, *_ = MATRIX.unpack(matrix)
    if abs(b) > abs(a):
        return Turn(True, mirror_rows=b < 0, mirror_columns=c < 0)
    return Turn(False, mirror_rows=d < 0, mirror_columns=a < 0)


def turned(picture: BgrImage, turn: Turn) -> BgrImage:
    """Return a picture, (H, W, 3) uint8, turned."""
    if turn.transpose:
        picture = np.asarray(cv2.transpose(picture), np.uint8)
    if turn.mirror_rows or turn.mirror_columns:
        # cv2.flip: 0 exchanges rows, 1 columns, -1 both
        code = -1 if turn.mirror_rows and turn.mirror_columns else int(turn.mirror_columns)
        picture = np.asarray(cv2.flip(picture, code), np.uint8)
    return picture


def width_of_square_pixels(width: int, aspect: Fraction | None) -> int:
    """Return the width at which pixels are square, the height kept. One that is not the stored width is even, as codecs like it.

    Args:
        width: Stored width, pixels.
        aspect: Width of a pixel by its height; None or 0 if unknown. One that no camera has is ignored.
    """
    if not aspect or aspect == 1 or not Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL:
        return width
    square = 2 * round(width * aspect / 2)
    return square if square <= LARGEST_SIDE else width
