from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from common.ipc.codec import MAX_MESSAGE_BYTES, encode
from common.ipc.fields import MAX_INT, MAX_TEXT
from common.ipc.messages import MAX_PIXELS, FrameComposed, PictureRelayed
from common.ipc.records import DetectorKind, FrameInfo
from display.jpeg import size_of
from display.relay.picture import MOST_BYTES, card, compress


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """What takes the most bytes."""
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width", "widest", "size"), [
    (72, 128, 0, (72, 128)), (72, 128, 128, (72, 128)), (72, 128, 640, (72, 128)), (72, 128, 64, (36, 64)),
    (719, 1279, 640, (360, 640)), (3, 1279, 64, (1, 64)),
])  # fmt: skip
def test_a_picture_that_fits_keeps_its_size_and_is_no_wider_than_asked(
    height: int, width: int, widest: int, size: tuple[int, int]
) -> None:
    made = compress(np.full((height, width, 3), 90, np.uint8), 80, widest)
    assert (made.height, made.width) == size_of(made.jpeg) == size


@pytest.mark.parametrize("most_bytes", [700, 5_000, 100_000])
def test_what_a_message_cannot_hold_is_made_smaller_and_not_left_out(most_bytes: int) -> None:
    made = compress(noise(360, 640), 100, 0, most_bytes)
    assert len(made.jpeg) <= most_bytes
    assert size_of(made.jpeg) == (made.height, made.width)
    assert made.width / made.height == pytest.approx(640 / 360, rel=0.2) or most_bytes == 700
    if most_bytes == 100_000:
        assert len(made.jpeg) > most_bytes / 2, "no smaller than it must be"


def test_the_worst_picture_of_all_fits_into_a_message() -> None:
    """8K of noise at quality 100 takes 65 MB: it was encoded, refused by the viewer's socket, and nobody was told."""
    made = compress(noise(4320, 7680), 100)
    text = "\U0001f600" * MAX_TEXT
    frame = FrameInfo(MAX_INT, MAX_INT, MAX_INT, MAX_INT, "", 0, made.height, made.width)
    composite = FrameComposed(frame, MAX_INT, "everybody", text, 1e12, True, text, DetectorKind.MASK_RCNN)
    message = PictureRelayed(MAX_INT, MAX_INT, composite, made.jpeg)
    assert len(encode(message)) <= MAX_MESSAGE_BYTES
    assert len(made.jpeg) > MOST_BYTES / 4, "no smaller than it must be: a mean of noise has fewer bytes a pixel"


def test_more_pixels_than_a_viewer_takes_are_made_fewer() -> None:
    made = compress(np.zeros((8200, 4400, 3), np.uint8), 10)
    assert 0.98 * MAX_PIXELS < made.height * made.width <= MAX_PIXELS
    assert size_of(made.jpeg) == (made.height, made.width)


def test_a_card_is_plain_with_a_line() -> None:
    plain = card(360, 640)
    assert plain.shape == (360, 640, 3) and plain.dtype == np.uint8
    assert cv2.countNonZero(plain[60:].reshape(-1)) == 0 and plain[:60].max() > 200
