from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.vision.images import read_image

PNG = cv2.imencode(".png", np.full((4, 6, 3), (1, 2, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize("name", [b"a b.png", b"caf\xc3\xa9.png", b"caf\xe9.png"], ids=["space", "UTF-8", "Latin-1"])
def test_an_image_of_any_name_is_read(name: bytes, tmp_path: Path) -> None:
    """OpenCV ended the process at a name in Latin-1."""
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(PNG)
    image = read_image(path)
    assert image is not None
    assert image.shape == (4, 6, 3) and (image == (1, 2, 3)).all()


@pytest.mark.parametrize("data", [b"", b"no image", PNG[:40]], ids=["empty", "text", "cut off"])
def test_what_is_no_image_is_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert read_image(tmp_path / "a.png") is None


def test_a_file_that_cannot_be_read_raises_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "a.png")


def test_a_pipe_or_a_device_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    for name in ("a.png", "b.png"):
        with pytest.raises(OSError, match="It is no plain file"):
            read_image(tmp_path / name)
