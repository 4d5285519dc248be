from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from capture.settings import CaptureSettings
from capture.sources.choice import open_source
from capture.sources.live import LiveSource, origin_of
from capture.sources.source import CAMERA
from common.errors import SourceLostError

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
