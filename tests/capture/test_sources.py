from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from capture import sources
from capture.settings import CaptureSettings
from capture.sources import (
    CAMERA,
    Clock,
    FileSource,
    FolderSource,
    LiveSource,
    Shot,
    name_of,
    open_source,
    origin_of,
)
from common.errors import SourceError, SourceLostError

SETTINGS = CaptureSettings(fps=100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), np.full((48, 64, 3), number * 10, np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), number * 20, np.uint8))
    writer.release()
    return path


def number_in(shot: Shot, step: int) -> int:
    return round(float(shot.picture.mean()) / step)


def read_all(source: sources.Source, limit: int) -> list[Shot]:
    shots: list[Shot] = []
    while len(shots) < limit and (shot := source.read()) is not None:
        shots.append(shot)
    return shots


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_played_once_it_ends_and_looped_it_counts_on(kind: str, folder: Path, video: Path) -> None:
    def opened(once: bool) -> sources.Source:
        return FolderSource(folder, 100, once) if kind == "folder" else FileSource(video, once)

    length, step = (4, 10) if kind == "folder" else (10, 20)
    once = read_all(opened(True), 99)
    assert once[-1].source_index == length - 1
    looped = read_all(opened(False), 2 * length + 3)
    assert [s.source_index for s in looped] == sorted({s.source_index for s in looped})
    assert looped[-1].source_index >= 2 * length
    assert all(number_in(s, step) == s.source_index % length for s in looped)


def test_a_file_keeps_wall_clock_time_and_skips_what_is_late(video: Path) -> None:
    source = FileSource(video, once=False)
    first = source.read()
    assert first is not None
    source._clock.started_ns = time.monotonic_ns() - 205_000_000  # as if the reader had slept for 200 ms at 50 fps
    late = source.read()
    assert late is not None
    assert late.source_index >= 10
    assert number_in(late, 20) == late.source_index % 10
    assert source._clock.started_ns + late.source_index * 20_000_000 == late.captured_ns


def test_the_clock_says_what_is_due() -> None:
    clock = Clock(50)
    assert clock.due() == 0
    clock.started_ns = time.monotonic_ns() - 1_010_000_000
    assert clock.due() == 50


def test_frames_of_different_sizes_are_passed_on_as_they_are(tmp_path: Path) -> None:
    for number, width in enumerate((64, 80)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((48, width, 3), np.uint8))
    assert [s.picture.shape[1] for s in read_all(FolderSource(tmp_path, 200, True), 9)] == [64, 80]


@pytest.mark.parametrize(("make", "says"), [
    (lambda p: str(p / "none.mkv"), "not there"), (str, "images"),
    (lambda p: _written(p / "broken.mkv", b"\x1aE\xdf\xa3" + b"x" * 999), "decoded"), (lambda p: "camera:97", "camera:97"),
    (lambda p: "http://127.0.0.1:9/x", "stream"), (lambda p: "rtmp://user:SECRET@127.0.0.1/x", "got one of rtmp"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_clear_line(make: Callable[[Path], str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says) as error:
        open_source(replace(SETTINGS, source=make(tmp_path)))
    assert "\n" not in str(error.value)


def test_a_broken_image_is_named(folder: Path) -> None:
    (folder / "002.png").write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"002\.png"):
        read_all(FolderSource(folder, 200, True), 9)


def test_auto_without_a_camera_is_the_demo_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_camera(number: int, settings: CaptureSettings) -> None:
        raise SourceError("none")

    monkeypatch.setattr(sources, "open_camera", no_camera)
    source = open_source(CaptureSettings(width=320, height=180))
    assert source.notice == "no camera: demo footage"
    shot = source.read()
    assert shot is not None
    assert shot.picture.shape == (180, 320, 3)


def fake_device() -> Mock:
    """A VideoCapture that delivers noise until it is unplugged."""
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
def test_a_device_that_fails_is_lost_and_says_how(node_is_there: bool, says: str, tmp_path: Path) -> None:
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
def test_of_an_address_only_scheme_and_host_are_said(address: str, shown: str) -> None:
    assert origin_of(address) == shown
    assert not any(secret.lower() in shown for secret in SECRETS)


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
def test_before_everybody_a_source_has_a_word_and_no_name(source: str, name: str) -> None:
    assert name_of(source) == name


def test_a_file_that_cannot_be_read_any_more_is_not_named(video: Path) -> None:
    source = FileSource(video, once=False)
    video.unlink()
    with pytest.raises(SourceLostError, match="the file cannot be read any more") as error:
        read_all(source, 99)
    assert video.name not in str(error.value)


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
