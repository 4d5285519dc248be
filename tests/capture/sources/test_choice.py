from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.settings import CaptureSettings
from capture.sources import choice
from capture.sources.choice import name_of, open_source
from common.errors import SourceError
from tests.call import environment
from tests.capture.camera import network_camera
from tests.shared import ROOT

SETTINGS = CaptureSettings(fps=100)


@pytest.mark.parametrize(("make", "says"), [
    (lambda p: str(p / "none.mkv"), "not there"), (str, "images"),
    (lambda p: _written(p / "broken.mkv", b"\x1aE\xdf\xa3" + b"x" * 999), "decoded"), (lambda p: str(p / ("x" * 300)), r"can be read, got .* \(File name too long\)"), (lambda p: "camera:97", "camera:97"), (lambda p: "97", "camera:97"), (lambda p: "/dev/video97", "camera:97"),
    (lambda p: "/dev/v4l/by-id/usb-None", "camera at /dev/v4l/by-id/usb-None, got none"),
    *((lambda p, path=path: path + "x" * 300, r"can be read, got .* \(File name too long\)")
      for path in ("/dev/", "/dev/video")),
    (lambda p: "/dev/null", "a device that is no camera"), (lambda p: "RTSP://127.0.0.1:9/x", "stream"),
    (lambda p: "http://127.0.0.1:9/x", "stream"), (lambda p: "rtmp://user:SECRET@127.0.0.1/x", "got one of rtmp"),
])  # fmt: skip
def test_an_unreadable_source_is_reported_in_one_line(make: Callable[[Path], str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says) as error:
        open_source(replace(SETTINGS, source=make(tmp_path)))
    assert "\n" not in str(error.value)


@pytest.mark.root
def test_a_folder_or_file_that_may_not_be_read_is_reported_in_one_line(run_dir: Path, tmp_path: Path) -> None:
    """It was a traceback, five restarts and exit code 1. Root may read everything, so it gives that right up here."""
    images, locked = tmp_path / "images", tmp_path / "locked"
    for folder in (images, locked):
        folder.mkdir()
        cv2.imwrite(str(folder / "a.png"), np.zeros((48, 64, 3), np.uint8))
    (images / "a.png").chmod(0)
    locked.chmod(0)
    rights = "-dac_override,-dac_read_search"
    for source in (images, locked, locked / "a.png"):
        done = subprocess.run(
            ["setpriv", "--bounding-set", rights, "--inh-caps", rights, sys.executable, "-m", "capture", "--source", source],
            cwd=ROOT, env=environment({}, run_dir), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert (
            done.stderr.startswith("capture: --source: expected a path that can be read, got ")
            and done.stderr.count("\n") == 1
        )


def test_a_scheme_in_capitals_is_the_same_scheme() -> None:
    """FFmpeg said that it knows no such protocol."""
    with network_camera() as camera:
        source = open_source(replace(SETTINGS, source=camera.address.replace("http", "HTTP")))
        assert source.read() is not None
        source.close()


def test_auto_without_a_camera_shows_the_demo_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_camera(node: Path, settings: CaptureSettings) -> None:
        raise SourceError("none")

    monkeypatch.setattr(choice, "open_camera", no_camera)
    source = open_source(CaptureSettings(width=320, height=180))
    assert source.notice == "no camera: demo footage"
    frame = source.read()
    assert frame is not None
    assert frame.picture.shape == (180, 320, 3)


def test_auto_says_why_a_camera_that_is_there_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A camera that another program had was taken for none, and the demo was played without a word."""
    monkeypatch.setattr(choice, "DEV", tmp_path)
    auto = CaptureSettings(width=320, height=180)
    open_source(auto)
    assert caplog.messages == [], "a machine without a camera is nothing to mend"
    (tmp_path / "video0").touch()
    open_source(auto)
    assert "expected a camera at camera:0, got a device that is no camera" in caplog.text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("auto", "the camera"),
        ("camera:1", "the camera"),
        ("1", "the camera"),
        ("/dev/video1", "the camera"),
        ("/dev/v4l/by-id/usb-None", "the camera"),
        ("demo", "the demo"),
        ("rtsp://u:p@cam.lan/x", "the network camera"),
        ("HTTP://cam.lan/x", "the network camera"),
        ("holiday.mkv", "the file"),
        ("tests", "the folder"),
        ("x" * 300, "the file"),
    ],
)
def test_the_public_name_of_a_source_is_generic(source: str, name: str) -> None:
    assert name_of(source) == name


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
