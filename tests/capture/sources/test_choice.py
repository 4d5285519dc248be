from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from capture.settings import CaptureSettings
from capture.sources import choice
from capture.sources.choice import name_of, open_source
from common.errors import SourceError

SETTINGS = CaptureSettings(fps=100)


@pytest.mark.parametrize(("make", "says"), [
    (lambda p: str(p / "none.mkv"), "not there"), (str, "images"),
    (lambda p: _written(p / "broken.mkv", b"\x1aE\xdf\xa3" + b"x" * 999), "decoded"), (lambda p: "camera:97", "camera:97"),
    (lambda p: "http://127.0.0.1:9/x", "stream"), (lambda p: "rtmp://user:SECRET@127.0.0.1/x", "got one of rtmp"),
])  # fmt: skip
def test_an_unreadable_source_is_reported_in_one_line(make: Callable[[Path], str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says) as error:
        open_source(replace(SETTINGS, source=make(tmp_path)))
    assert "\n" not in str(error.value)


def test_auto_without_a_camera_shows_the_demo_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_camera(number: int, settings: CaptureSettings) -> None:
        raise SourceError("none")

    monkeypatch.setattr(choice, "open_camera", no_camera)
    source = open_source(CaptureSettings(width=320, height=180))
    assert source.notice == "no camera: demo footage"
    frame = source.read()
    assert frame is not None
    assert frame.picture.shape == (180, 320, 3)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("auto", "the camera"),
        ("camera:1", "the camera"),
        ("demo", "the demo"),
        ("rtsp://u:p@cam.lan/x", "the network camera"),
        ("HTTP://cam.lan/x", "the network camera"),
        ("holiday.mkv", "the file"),
        ("tests", "the folder"),
    ],
)
def test_the_public_name_of_a_source_is_generic(source: str, name: str) -> None:
    assert name_of(source) == name


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
