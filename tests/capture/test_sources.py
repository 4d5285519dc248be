from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture import sources
from capture.reader import Reader
from capture.sources import Clock, FileSource, FolderSource, Shot, open_source
from common.config import CaptureSettings
from common.errors import SourceError

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
    (lambda p: "http://127.0.0.1:9/x", "stream"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_clear_line(make: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says) as error:
        open_source(replace(SETTINGS, source=make(tmp_path)))  # type: ignore[operator]
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


class Fast:
    """A source that delivers at once, `count` times, and then ends or fails."""

    description = notice = ""

    def __init__(self, count: int, error: SourceError | None = None) -> None:
        self.left, self.error = count, error

    def read(self) -> Shot | None:
        if self.left == 0:
            if self.error:
                raise self.error
            return None
        self.left -= 1
        return Shot(np.zeros((2, 2, 3), np.uint8), self.left, time.monotonic_ns())

    def close(self) -> None:
        pass


def test_the_reader_keeps_the_newest_only_and_counts_the_rest() -> None:
    with Reader(lambda: Fast(5)) as reader:
        reader._thread.join(5)
        shot = reader.take()
        assert shot is not None
        assert shot.source_index == 0
        assert reader.overwritten == 4
        assert reader.take() is None
        assert reader.ended


def test_the_reader_hands_errors_to_the_loop() -> None:
    with Reader(lambda: Fast(0, SourceError("unplugged"))) as reader:
        reader._thread.join(5)
        assert not reader.ended, "a failure must not be taken for the end of the film"
        with pytest.raises(SourceError, match="unplugged"):
            reader.take()


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
