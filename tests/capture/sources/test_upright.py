from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from capture.sources.upright import MATRIX, Turn, turn_of, turned, width_of_square_pixels

ONE = 65536


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return MATRIX.pack(a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)


PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)  # 0 1 2 / 3 4 5


@pytest.mark.parametrize(
    ("held", "seen"),
    [
        (matrix(1, 0, 0, 1), [[0, 1, 2], [3, 4, 5]]),
        (matrix(0, 1, -1, 0), [[3, 0], [4, 1], [5, 2]]),  # turned clockwise by 90°
        (matrix(-1, 0, 0, -1), [[5, 4, 3], [2, 1, 0]]),
        (matrix(0, -1, 1, 0), [[2, 5], [1, 4], [0, 3]]),
        (matrix(-1, 0, 0, 1), [[2, 1, 0], [5, 4, 3]]),  # mirrored, as a front camera does
        (matrix(1, 0, 0, -1), [[3, 4, 5], [0, 1, 2]]),
        (matrix(0, 1, 1, 0), [[0, 3], [1, 4], [2, 5]]),
    ],
)
def test_a_display_matrix_turns_and_mirrors(held: bytes, seen: list[list[int]]) -> None:
    result = turned(np.dstack([PICTURE] * 3), turn_of(held))
    assert result[..., 0].tolist() == seen


def test_a_matrix_of_another_size_turns_nothing() -> None:
    assert turn_of(b"") == Turn()


@pytest.mark.parametrize(
    ("width", "aspect", "square"),
    [
        (720, Fraction(64, 45), 1024), (720, Fraction(8, 9), 640), (640, None, 640), (640, Fraction(0), 640),
        (640, Fraction(1000), 640), (640, Fraction(1, 1000), 640), (10_000, Fraction(2), 10_000),
        (720, Fraction(12, 11), 786), (721, Fraction(1), 721),
    ],
)  # fmt: skip
def test_pixels_become_square(width: int, aspect: Fraction | None, square: int) -> None:
    assert width_of_square_pixels(width, aspect) == square
