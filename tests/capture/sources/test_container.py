"""What is read of small films of many kinds."""

from __future__ import annotations

import gc
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from capture.sources.container import VideoInput
from capture.sources.conversion import TINY
from common.errors import SourceError
from common.vision.arrays import BgrImage
from tests.capture.sources.films import blue_corner, evenly, number_of, picture_of, write_film


def opened(path: Path) -> VideoInput:
    return VideoInput(f"file:{path}", "the file", is_network=False)


def read(path: Path) -> list[tuple[float | None, BgrImage]]:
    """Return timestamp and picture of everything in a film."""
    video = opened(path)
    found: list[tuple[float | None, BgrImage]] = []
    while (frame := video.next_frame()) is not None:
        assert frame.number == len(found)
        found.append((frame.stamp_s, video.picture(frame.frame)))
    video.close()
    return found


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p10le"),
        ("a.ts", "libx264", "yuv422p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.gif", "gif", "rgb8"),
        ("a.mov", "png", "gray"),
        ("a.mkv", "ffv1", "bgra"),
    ],
)
def test_every_container_codec_and_pixel_format_is_read(name: str, codec: str, pix_fmt: str, tmp_path: Path) -> None:
    found = read(write_film(tmp_path / name, evenly(12, 10), codec=codec, pix_fmt=pix_fmt))
    assert [number_of(picture) for _, picture in found] == list(range(12))
    stamps = [stamp for stamp, _ in found if stamp is not None]
    assert [stamp - stamps[0] for stamp in stamps] == pytest.approx(evenly(12, 10), abs=0.002)
    assert {picture.shape for _, picture in found} == {(48, 64, 3)}


@pytest.mark.parametrize(
    ("film", "size_wh", "corner"),
    [
        ({}, (64, 48), ("upper", "left")),
        ({"rotation": -90}, (48, 64), ("upper", "right")),  # as a phone that was held upright
        ({"rotation": 180}, (64, 48), ("lower", "right")),
        ({"rotation": 90}, (48, 64), ("lower", "left")),
        ({"mirrored": True}, (64, 48), ("upper", "right")),
        ({"aspect": Fraction(4, 3)}, (86, 48), ("upper", "left")),
        ({"aspect": Fraction(4, 3), "rotation": 90}, (48, 86), ("lower", "left")),
    ],
)
def test_a_picture_is_upright_and_has_square_pixels(
    film: dict[str, Any], size_wh: tuple[int, int], corner: tuple[str, str], tmp_path: Path
) -> None:
    for _, picture in read(write_film(tmp_path / "a.mp4", evenly(3, 10), **film)):
        assert picture.shape[1::-1] == size_wh
        assert blue_corner(picture) == corner


def test_a_converted_frame_is_freed_at_once(tmp_path: Path) -> None:
    """Each is some megabytes; the garbage collector comes too late for them."""
    video = opened(write_film(tmp_path / "a.mp4", evenly(12, 10), rotation=90))
    gc.collect()
    gc.disable()
    try:
        while (frame := video.next_frame()) is not None:
            video.picture(frame.frame)
            del frame
        left = [each for each in gc.get_objects() if isinstance(each, VideoFrame)]
        assert sum(each.width * each.height for each in left) <= TINY * TINY
    finally:
        gc.enable()


def test_a_raw_stream_has_no_timestamps(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.h264", evenly(5, 30), format="h264")
    assert [stamp for stamp, _ in read(path)] == [None] * 5
    assert not opened(path).has_timestamps


def test_a_picture_of_another_size_in_the_film_has_its_own_size(tmp_path: Path) -> None:
    parts = [
        write_film(tmp_path / f"{size[0]}.ts", evenly(6, 10), size).read_bytes()
        for size in ((64, 48), (96, 64), (48, 64))
    ]
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    found = [picture for _, picture in read(tmp_path / "a.ts")]
    assert {picture.shape[1::-1] for picture in found} == {(64, 48), (96, 64), (48, 64)}
    assert all(blue_corner(picture) == ("upper", "left") for picture in found)


def test_sound_is_left_alone(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", evenly(12, 10), with_sound=True)
    assert len(read(path)) == 12
    video = opened(path)
    assert {packet.packet.stream.type for _ in range(5) if (packet := video._read()) is not None} == {"video"}


@pytest.mark.parametrize("before", [False, True], ids=["video first", "video second"])
@pytest.mark.parametrize("other", ["sound", "data"])
def test_a_film_is_read_to_its_end_whatever_tracks_are_beside_it(before: bool, other: str, tmp_path: Path) -> None:
    """The empty packets that end each track all say that they are of track 0.

    Where the pictures were track 1, the last ones stayed in the decoder; beside a track of data capture ended with a traceback.
    """
    path = tmp_path / "a.ts"
    # as a stream in MPEG-TS FFmpeg hands out what it does not know as data
    beside: dict[str, Any] = {"codec_name": "aac" if other == "sound" else "pcm_s16le", "rate": 48_000}
    with av.open(str(path), "w") as file:
        if before:
            file.add_stream(**beside)
        stream = file.add_stream("libx264", rate=10, options={"preset": "veryfast"})  # with B-frames, which come late
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if not before:
            file.add_stream(**beside)
        sound = file.streams.audio[0]
        for number in range(12):
            file.mux(stream.encode(VideoFrame.from_ndarray(picture_of(number, (64, 48)), "bgr24")))
            samples = AudioFrame.from_ndarray(
                np.zeros((1, 2 * 1024), np.int16) if other == "data" else np.zeros((2, 1024), np.float32),
                "s16" if other == "data" else "fltp", "stereo",
            )  # fmt: skip
            samples.sample_rate, samples.pts = 48_000, number * 4800
            file.mux(sound.encode(samples))
        file.mux(stream.encode(None))
    with av.open(str(path)) as file:
        assert [each.type for each in file.streams][not before] == {"sound": "audio"}.get(other, other)
    assert [number_of(picture) for _, picture in read(path)] == list(range(12))


def test_the_period_is_measured_because_the_container_may_be_wrong(tmp_path: Path) -> None:
    video = opened(write_film(tmp_path / "a.mkv", evenly(5, 0.5)))
    assert video.guessed_rate == 30
    assert video.period_s() == pytest.approx(2.0)
    assert [frame.number for frame in iter(video.next_frame, None)] == list(range(5)), "nothing is lost by that"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("b_frames", [0, 3])
def test_a_jump_goes_to_the_newest_key_frame_that_is_due(name: str, b_frames: int, tmp_path: Path) -> None:
    options = {"sc_threshold": "0", "bf": str(b_frames)}
    video = opened(write_film(tmp_path / name, evenly(60, 10), key_every=10, options=options))
    first = video.next_frame()
    assert first is not None
    assert first.stamp_s is not None
    assert video.jump_to(first.stamp_s + 2.55)
    after = video.next_frame()
    assert after is not None
    assert (after.number, number_of(video.picture(after.frame))) == (20, 20)
    assert not video.jump_to(first.stamp_s + 2.9), "no key frame is between"
    following = [frame for _ in range(9) if (frame := video.next_frame()) is not None]
    assert [frame.number for frame in following] == list(range(21, 30)), "nothing is left out"
    assert [number_of(video.picture(frame.frame)) for frame in following] == list(range(21, 30))
    assert not video.jump_to(first.stamp_s + 1.5), "it never goes back"
    assert video.jump_to(first.stamp_s + 99), "nor past the end"
    assert [frame.number for frame in iter(video.next_frame, None)] == list(range(50, 60))


def test_a_damaged_film_is_read_as_far_as_possible(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", evenly(40, 10), key_every=1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\x00" * 40
    path.write_bytes(bytes(data))
    assert 10 < len(list(iter(opened(path).next_frame, None))) <= 40


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x1aE\xdf\xa3" + b"x" * 999])
def test_what_is_no_film_is_refused_without_its_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "SECRET.mkv"
    path.write_bytes(data)
    with pytest.raises(SourceError) as error:
        opened(path)
    assert "SECRET" not in str(error.value)


def test_a_film_without_pictures_is_refused(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    with pytest.raises(SourceError, match="no video"):
        opened(tmp_path / "a.wav")
