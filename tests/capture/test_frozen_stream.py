from __future__ import annotations

import numpy as np
import pytest

from capture.frozen_stream import FrozenStreamDetector

MS = 1_000_000
RNG = np.random.default_rng(3)


def picture() -> np.ndarray:
    return RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)


def play(pictures: list[np.ndarray], stamps_ms: list[float], compares_pictures: bool = True) -> list[str]:
    """Return what the detector says of pictures that come every 100 ms."""
    detector = FrozenStreamDetector(compares_pictures)
    return [detector.check(p, s, (50 + n) * 100 * MS) for n, (p, s) in enumerate(zip(pictures, stamps_ms, strict=True))]


def test_a_working_source_is_not_frozen() -> None:
    assert set(play([picture() for _ in range(30)], [float(n) for n in range(30)])) == {""}


def test_the_same_picture_for_more_than_a_second_is_frozen() -> None:
    still = picture()
    said = play([picture(), *[still.copy() for _ in range(13)]], list(range(14)))
    assert said[:12] == [""] * 12
    assert set(said[12:]) == {"delivers the same picture again and again"}


def test_the_same_timestamp_for_more_than_a_second_is_frozen() -> None:
    said = play([picture() for _ in range(14)], [7.0] * 14)
    assert said[:11] == [""] * 11
    assert set(said[11:]) == {"delivers pictures of one and the same time"}


@pytest.mark.parametrize("stamp", [0.0, -1.0])
def test_missing_timestamps_are_ignored(stamp: float) -> None:
    assert set(play([picture() for _ in range(30)], [stamp] * 30)) == {""}


def test_one_changed_pixel_is_enough() -> None:
    still, pictures = picture(), []
    for n in range(30):
        pictures.append(still.copy())
        pictures[-1][33, 7, 1] = n
    assert set(play(pictures, list(range(30)))) == {""}


@pytest.mark.parametrize(
    ("stamps_ms", "last"), [(list(range(1, 31)), ""), ([7.0] * 30, "delivers pictures of one and the same time")]
)
def test_of_a_video_codec_the_timestamps_alone_tell(stamps_ms: list[float], last: str) -> None:
    assert play([picture()] * 30, stamps_ms, compares_pictures=False)[-1] == last
