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
from display.relay.picture import MAX_JPEG_BYTES, card, compress


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """Return noise, which takes the most bytes."""
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width", "max_width", "size"), [
    (72, 128, 0, (72, 128)), (72, 128, 128, (72, 128)), (72, 128, 640, (72, 128)), (72, 128, 64, (36, 64)),
    (719, 1279, 640, (360, 640)), (3, 1279, 64, (1, 64)),
])  # fmt: skip
def test_a_picture_keeps_its_size_unless_it_is_too_wide(
    height: int, width: int, max_width: int, size: tuple[int, int]
) -> None:
    made = compress(np.full((height, width, 3), 90, np.uint8), 80, max_width)
    assert (made.height, made.width) == size_of(made.jpeg) == size


@pytest.mark.parametrize("max_bytes", [700, 5_000, 100_000])
def test_a_picture_too_large_for_a_message_is_made_smaller(max_bytes: int) -> None:
    made = compress(noise(360, 640), 100, 0, max_bytes)
    assert len(made.jpeg) <= max_bytes
    assert size_of(made.jpeg) == (made.height, made.width)
    assert made.width / made.height == pytest.approx(640 / 360, rel=0.2) or max_bytes == 700
    if max_bytes == 100_000:
        assert len(made.jpeg) > max_bytes / 2, "not smaller than needed"


def test_the_largest_noisiest_picture_fits_into_a_message() -> None:
    """8K of noise at quality 100 takes 65 MB: the viewer's socket refused such a picture, and nothing reported it."""
    made = compress(noise(4320, 7680), 100)
    text = "\U0001f600" * MAX_TEXT
    frame = FrameInfo(MAX_INT, MAX_INT, MAX_INT, MAX_INT, "", 0, made.height, made.width)
    composite = FrameComposed(frame, MAX_INT, "everybody", text, 1e12, True, text, DetectorKind.MASK_RCNN)
    message = PictureRelayed(MAX_INT, MAX_INT, composite, made.jpeg)
    assert len(encode(message)) <= MAX_MESSAGE_BYTES
    assert len(made.jpeg) > MAX_JPEG_BYTES / 4, "not much smaller than needed: averaged noise has fewer bytes a pixel"


def test_a_picture_with_too_many_pixels_is_made_smaller() -> None:
    made = compress(np.zeros((8200, 4400, 3), np.uint8), 10)
    assert 0.98 * MAX_PIXELS < made.height * made.width <= MAX_PIXELS
    assert size_of(made.jpeg) == (made.height, made.width)


def test_a_card_is_black_with_a_line_of_text() -> None:
    plain = card(360, 640)
    assert plain.shape == (360, 640, 3) and plain.dtype == np.uint8
    assert cv2.countNonZero(plain[60:].reshape(-1)) == 0 and plain[:60].max() > 200
