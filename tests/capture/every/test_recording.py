from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from capture.every.publisher import LARGEST_RING, slots_for
from capture.every.recording import Clock, RecordedFrame, Recording
from common.errors import SourceError
from common.ipc.recording_clock import captured_ns_of
from tests.capture.sources.films import evenly, number_of, picture_of, write_film

HD = (1080, 1920, 3)


def frames_of(path: Path) -> list[RecordedFrame]:
    with closing(Recording(str(path))) as recording:
        frames = []
        while (frame := recording.read()) is not None:
            assert frame.picture.shape == recording.shape
            frames.append(frame)
        assert recording.read() is None
        assert recording.count == len(frames)
    return frames


@pytest.mark.parametrize(
    "times_s", [evenly(24, 24), [0.0, 0.04, 0.10, 0.11, 0.5, 1.7, 1.75, 2.9], evenly(5, 0.5), [0.0]],
    ids=["even", "uneven", "slow", "one frame"],
)  # fmt: skip
def test_every_picture_comes_once_in_order_with_its_own_time(tmp_path: Path, times_s: list[float]) -> None:
    frames = frames_of(write_film(tmp_path / "film.mkv", times_s))
    assert [number_of(frame.picture) for frame in frames] == list(range(len(times_s)))
    assert [frame.number for frame in frames] == list(range(len(times_s)))
    assert [frame.captured_ns for frame in frames] == [captured_ns_of(round(s * 1e3) / 1e3) for s in times_s]
    assert [frame.ends_shot for frame in frames] == [False] * (len(times_s) - 1) + [True]
    assert not any(frame.is_cut for frame in frames)


def test_pictures_of_another_size_get_the_size_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "film.ts"
    with path.open("wb") as film:
        for number, size_wh in enumerate([(64, 48), (96, 64)]):
            part = tmp_path / f"{number}.ts"
            write_film(part, [number + n / 25 for n in range(4)], size_wh, format="mpegts")
            film.write(part.read_bytes())
    frames = frames_of(path)
    assert len(frames) == 8
    assert {frame.picture.shape for frame in frames} == {(48, 64, 3)}


def test_how_many_frames_there_are_is_told_before(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", evenly(24, 24))
    with closing(Recording(str(path))) as recording:
        assert recording.expected == 24
    with closing(Recording(str(write_film(tmp_path / "film.mkv", evenly(24, 30))))) as recording:
        assert abs(recording.expected - 24) <= 1, "its container tells the length only"


@pytest.mark.parametrize(
    ("source", "got"),
    [
        ("auto", "the camera"),
        ("camera:0", "the camera"),
        ("demo", "the demo"),
        ("rtsp://user:secret@host/1", "the network camera"),
        (".", "the folder"),
    ],
)
def test_what_is_no_file_is_refused_in_one_line(source: str, got: str) -> None:
    with pytest.raises(SourceError) as refused:
        Recording(source)
    assert f"got {got};" in str(refused.value)
    assert "secret" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as file:
        sound = file.add_stream("aac", rate=48_000)
        for number in range(4):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            samples.sample_rate, samples.pts = 48_000, number * 1024
            file.mux(sound.encode(samples))
        file.mux(sound.encode(None))
    with pytest.raises(SourceError, match="holds no video"):
        Recording(str(path))


def test_times_only_grow() -> None:
    clock = Clock(0.04)
    stamps = [-0.08, None, 0.0, 0.04, 0.04, 0.03, None, 5.0, 0.1, -2000.0]
    times = [clock.captured_ns(stamp) for stamp in stamps]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert times[0] == captured_ns_of(-0.08)
    assert times[3] == captured_ns_of(0.04)
    assert times[4] - times[3] == 40_000_000
    assert times[7] == captured_ns_of(5.0)
    assert Clock(0.04).captured_ns(-2000.0) == 0
    assert Clock(0.04).captured_ns(None) == captured_ns_of(0.0)


@pytest.mark.parametrize(
    ("shape", "look_every", "free_mb", "slots"),
    [((720, 1280, 3), 3, 4000, 26), ((720, 1280, 3), 1, 4000, 10), ((96, 128, 3), 30, 4000, 242)],
)
def test_the_ring_holds_eight_looks(shape: tuple[int, int, int], look_every: int, free_mb: int, slots: int) -> None:
    assert slots_for(shape, look_every, free_mb * 2**20) == slots


def test_the_ring_is_no_larger_than_memory_allows_but_holds_some_frames() -> None:
    size = HD[0] * HD[1] * 3
    assert LARGEST_RING * 0.97 < slots_for(HD, 30, 2**34) * size <= LARGEST_RING
    assert slots_for(HD, 3, 128 * 2**20) * size < 128 * 2**20 - 6 * size
    assert slots_for(HD, 3, 0) == slots_for(HD, 30, 0) == 4
    assert slots_for((4320, 8192, 3), 3, 2**34) == 4


def test_a_stream_that_is_opened_has_video(tmp_path: Path) -> None:
    """The control of the films above: their pictures differ."""
    path = write_film(tmp_path / "film.mkv", evenly(3, 25))
    with av.open(str(path)) as file:
        assert isinstance(file.streams.video[0], VideoStream)
    assert (picture_of(0, (64, 48)) != picture_of(1, (64, 48))).any()
