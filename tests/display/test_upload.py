from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import MessageError
from display.web import upload
from display.web.upload import keep_image

PICTURE = np.full((48, 64, 3), (10, 200, 30), np.uint8)


def jpeg_of(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "onlyme" / "background.png"


def test_the_pixels_are_kept_for_the_user_alone_and_nothing_else_of_the_file(place: Path) -> None:
    jpeg = jpeg_of(PICTURE)
    secret = b"GPS 52.5N 13.4E"
    marked = jpeg[:2] + b"\xff\xfe" + (len(secret) + 2).to_bytes(2, "big") + secret + jpeg[2:]  # a comment
    keep_image(marked, place)
    kept = np.asarray(cv2.imread(str(place)))
    assert np.abs(kept.astype(int) - PICTURE).max() < 8
    assert secret not in place.read_bytes() and place.read_bytes().startswith(b"\x89PNG")
    assert place.stat().st_mode & 0o777 == 0o600 and place.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"x", b"/etc/passwd", cv2.imencode(".png", PICTURE)[1].tobytes(), jpeg_of(PICTURE)[:-2],
        jpeg_of(PICTURE) + b"<script>", jpeg_of(PICTURE[..., 0]), b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(),
    ],
)  # fmt: skip
def test_what_no_canvas_makes_is_refused_and_the_old_image_stays(data: bytes, place: Path) -> None:
    keep_image(jpeg_of(PICTURE), place)
    before = place.read_bytes()
    with pytest.raises(MessageError, match="expected a plain JPEG"):
        keep_image(data, place)
    assert place.read_bytes() == before


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MAX_UPLOAD_PIXELS", 48 * 64 - 1)
    monkeypatch.setattr("display.web.upload.cv2.imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(MessageError, match="got 64 x 48"):
        keep_image(jpeg_of(PICTURE), place)
    assert not place.exists()


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "onlyme").write_text("no folder")
    with pytest.raises(MessageError, match=r"cannot be kept in .*onlyme"):
        keep_image(jpeg_of(PICTURE), tmp_path / "onlyme" / "background.png")
