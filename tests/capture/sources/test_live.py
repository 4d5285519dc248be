from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from capture.settings import CaptureSettings
from capture.sources.choice import open_source
from capture.sources.live import LiveSource, open_camera, origin_of
from capture.sources.source import CAMERA
from common.errors import SourceError, SourceLostError

SETTINGS = CaptureSettings(fps=100)


def fake_device() -> Mock:
    """Return a VideoCapture that delivers noise until it is unplugged."""
    device = Mock(spec=cv2.VideoCapture, plugged=True)
    device.isOpened.return_value = device.grab.return_value = True
    device.get.return_value, device.getBackendName.return_value = 0.0, "FAKE"
    noise = np.random.default_rng()
    device.read.side_effect = lambda: (
        device.plugged, noise.integers(0, 256, (4, 4, 3), np.uint8) if device.plugged else None
    )  # fmt: skip
    return device


@pytest.mark.parametrize(
    ("node_is_there", "says"), [(False, "the camera was unplugged"), (True, "the camera stopped delivering")]
)
def test_a_failing_device_is_reported_with_its_cause(node_is_there: bool, says: str, tmp_path: Path) -> None:
    device = fake_device()
    node = tmp_path / "video7"
    source = LiveSource(CAMERA, "camera 7", device, missing="", reopen=lambda: source, node=node)
    assert source.read() is not None
    device.plugged = False
    if node_is_there:
        node.touch()
    with pytest.raises(SourceLostError, match=says):
        source.read()


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
    source = open_camera(link, SETTINGS)
    link.unlink()
    link.symlink_to("video5")
    source.reopen()
    assert numbers == [2, 5]


def test_a_stream_over_http_is_read(video: Path) -> None:
    import functools
    import http.server
    import threading

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(video.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(replace(SETTINGS, source=f"http://127.0.0.1:{server.server_port}/clip.avi"))
        assert source.read() is not None
        source.close()
        server.shutdown()


SECRETS = ("USER", "SECRET", "PATH", "QUERY")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://192.168.1.9/PATH", "rtsp://192.168.1.9"),
        ("rtsp://USER:SECRET@cam.lan:554/PATH?QUERY=1", "rtsp://cam.lan"),
        ("http://USER:p@SECRET@127.0.0.1:8080/PATH.mjpg?user=USER&pwd=SECRET", "http://127.0.0.1"),
        ("http://cam.lan?pwd=SECRET", "http://cam.lan"),
        ("http://cam.lan#SECRET", "http://cam.lan"),
        ("https://USER:SECRET@[fe80::1]:80/PATH", "https://[fe80::1]"),
        ("https://USER:SECRET@[fe80::1", "https://..."),
        ("rtsp://USER:SEC/SECRET@cam.lan/PATH", "rtsp://..."),
        ("rtsp://USER:SEC#SECRET@cam.lan/PATH", "rtsp://..."),
        ("rtsp://USER:SEC?SECRET@cam.lan/PATH", "rtsp://..."),
        ("http://cam.lan/PATH?mail=USER@SECRET", "http://..."),
        ("rtsp:///PATH", "rtsp://..."),
    ],
)
def test_only_scheme_and_host_of_an_address_are_logged(address: str, shown: str) -> None:
    assert origin_of(address) == shown
    assert not any(secret.lower() in shown for secret in SECRETS)
