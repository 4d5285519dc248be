from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.vision.image_file import read_image


@pytest.mark.parametrize("name", [b"a b.png", b"caf\xe9.png", b"caf\xc3\xa9.png", b"100%d.png", b"-.png"])
def test_a_file_may_have_any_name(name: bytes, tmp_path: Path) -> None:
    ok, content = cv2.imencode(".png", np.full((6, 8, 3), 7, np.uint8))
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(content.tobytes())
    assert ok and (read_image(path) == np.full((6, 8, 3), 7)).all()


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    _, content = cv2.imencode(".jpg", np.zeros((16, 24, 3), np.uint8))
    orientation_6 = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # TIFF, tag 0x112
    exif = b"\xff\xe1" + (len(orientation_6) + 2).to_bytes(2) + orientation_6
    (tmp_path / "photo.jpg").write_bytes(content.tobytes()[:2] + exif + content.tobytes()[2:])
    assert read_image(tmp_path / "photo.jpg").shape == (24, 16, 3)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "0 bytes"), (b"no image", "8 bytes"), (b"\x89PNG\r\n\x1a\n", "no image")]
)
def test_what_is_no_image_is_said(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_image(tmp_path / "x.png")


def test_an_image_of_too_many_pixels_is_said(tmp_path: Path) -> None:
    """Only its header is read."""
    huge = b"P6 200000 200000 255\n"
    (tmp_path / "x.ppm").write_bytes(huge + bytes(64))
    with pytest.raises(ValueError, match=r"pixels|size"):
        read_image(tmp_path / "x.ppm")
