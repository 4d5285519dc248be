from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import SourceError
from common.vision.pyramid import ImagePyramid
from compose.picture.background import Background, BlurBackground, fill, open_background

FRAME = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)


def opened(text: str) -> Background:
    return open_background(text, BlurBackground(kernel=0))


def background(text: str) -> np.ndarray:
    return painted(opened(text), 10**9)


def painted(behind: Background, at_ns: int) -> np.ndarray:
    into = np.zeros_like(FRAME)
    behind.render(ImagePyramid(FRAME), None, at_ns, into)
    return into


def test_a_colour_is_given_as_red_green_blue() -> None:
    assert (background("color:102030") == (0x30, 0x20, 0x10)).all()


def test_blur_is_the_frame_blurred() -> None:
    assert cv2.PSNR(background("blur"), cv2.GaussianBlur(FRAME, (0, 0), 90 / 30)) > 35


def test_a_blur_that_is_too_weak_is_raised_and_said_once_a_size(caplog: pytest.LogCaptureFixture) -> None:
    weak = BlurBackground(kernel=41)
    with caplog.at_level("WARNING"):
        got = [painted(weak, at_ns) for at_ns in (1, 2)]
    assert cv2.PSNR(got[0], cv2.GaussianBlur(FRAME, (0, 0), 90 / 35)) > 35
    (said,) = caplog.messages
    assert "--kernel 41 is too weak" in said and "160 x 90" in said
    strong = BlurBackground(kernel=301)
    assert cv2.PSNR(painted(strong, 1), cv2.GaussianBlur(FRAME, (0, 0), 45.5 * 160 / 600)) > 35
    assert len(caplog.messages) == 1


def test_an_image_fills_the_frame(tmp_path: Path) -> None:
    still = np.zeros((300, 100, 3), np.uint8)
    still[140:160] = 255
    cv2.imwrite(str(tmp_path / "still.png"), still)
    got = background(f"image:{tmp_path}/still.png")
    assert got.shape == FRAME.shape
    assert got[45].min() > 200 and got[0].max() < 50


@pytest.mark.parametrize("size_wh", [(160, 90), (90, 160), (33, 77), (640, 10)])
def test_filling_never_leaves_a_gap(size_wh: tuple[int, int]) -> None:
    assert fill(FRAME, size_wh).shape == (size_wh[1], size_wh[0], 3)


def test_a_video_plays_at_its_own_rate_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "v.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 90))
    for value in (0, 80, 160, 240):
        writer.write(np.full((90, 160, 3), value, np.uint8))
    writer.release()
    video = opened(f"video:{path}")
    start = 10**9
    # its frames last 100 ms: asked every 50 ms each is seen twice
    seen = [round(float(painted(video, start + i * 50_000_000).mean()) / 80) for i in range(12)]
    assert len(set(seen)) == 4
    assert all(seen[i] == seen[i + 8] for i in range(4)), "after four frames it starts over"


@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_cannot_be_decoded_is_said(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing")
    for path in (tmp_path / "x", tmp_path / "none"):
        with pytest.raises(SourceError, match="--background: expected"):
            background(f"{kind}:{path}")


def test_the_home_folder_of_nobody_is_said() -> None:
    with pytest.raises(SourceError, match=r"got ~nosuchuser/x\.png"):
        opened("image:~nosuchuser/x.png")


def test_an_uploaded_image_that_is_gone_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(
        SourceError, match=r"uploaded on the page, got none at .*background\.png; .*remove .*settings\.toml"
    ):
        background("image")
    (tmp_path / "onlyme").mkdir()
    cv2.imwrite(str(tmp_path / "onlyme" / "background.png"), np.full((9, 16, 3), (1, 2, 3), np.uint8))
    assert (background("image") == (1, 2, 3)).all()
