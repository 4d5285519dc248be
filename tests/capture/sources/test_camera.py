"""Cameras are opened through a fake of OpenCV's device."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import Mock

import cv2
import pytest

from capture.settings import CaptureSettings
from capture.sources.live import LiveSource, open_camera
from common.errors import SourceError
from tests.capture.sources.test_live import fake_device


def opened(
    device: Mock, node: Path, monkeypatch: pytest.MonkeyPatch, width: int = 1280, height: int = 720
) -> LiveSource:
    """Open the camera at a device file, where OpenCV gives `device`."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda number, backend: device)
    node.touch()
    return open_camera(node, CaptureSettings(width=width, height=height, fps=30))


def test_a_camera_that_gives_another_format_than_was_asked_for_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = {
        cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_FPS: 15.0,
        cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV")),
    }  # fmt: skip
    device = fake_device()
    device.get.side_effect = given.get
    source = opened(device, tmp_path / "video7", monkeypatch)
    said = "asked for 1280 x 720 at 30 MJPG, given 640 x 480 at 15 YUYV"
    assert caplog.messages == [f"camera:7: {said}; python -m capture --list names what it has"]
    assert source.description == "camera:7, given 640 x 480 at 15 frames a second, YUYV through FAKE"


def test_a_camera_that_gives_what_was_asked_for_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device = fake_device()
    given = {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0}
    device.get.side_effect = lambda name: given.get(name, 0.0)  # the driver does not say more
    opened(device, tmp_path / "video7", monkeypatch, width=640, height=480)
    assert caplog.messages == []


def test_a_busy_camera_names_the_program_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device, node = fake_device(), tmp_path / "video7"
    device.grab.return_value = False
    node.touch()
    with node.open() as held, subprocess.Popen(["sleep", "100"], stdin=held) as other:
        try:
            with pytest.raises(SourceError, match=rf"camera:7, got one that sleep \(pid {other.pid}\) uses"):
                opened(device, node, monkeypatch)
        finally:
            other.kill()
    with pytest.raises(SourceError, match="a device that is no camera"):
        opened(device, node, monkeypatch)


def test_a_camera_named_by_a_link_is_opened_anew_under_its_new_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, numbers = tmp_path / "usb-Cam", []

    device = fake_device()

    def open_device(number: int, backend: int) -> Mock:
        numbers.append(number)
        return device

    monkeypatch.setattr(cv2, "VideoCapture", open_device)
    for name in ("video2", "video5"):
        (tmp_path / name).touch()
    link.symlink_to("video2")
    source = open_camera(link, CaptureSettings())
    link.unlink()
    link.symlink_to("video5")
    source.reopen()
    assert numbers == [2, 5]
