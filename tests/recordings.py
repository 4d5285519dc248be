"""Recordings for tests: sound is put beside a film, odd films are made in a moment, and what a file holds is read back."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from capture.demo import DemoScene
from capture.sources.container import VideoInput
from common.vision.arrays import BgrImage
from tests.capture.sources.films import evenly, write_film

SIZE_WH, RATE = (128, 96), 25
SOUND_RATE, SOUND_CHUNK = 48_000, 1024  # samples a second; samples that one AAC packet holds
HOUR_S = 3600
UNEVEN_S = (0.0, 0.04, 0.10, 0.11, 0.5, 0.54, 1.7, 1.75, 1.76, 2.9)


class Odd(NamedTuple):
    """An odd recording that can be read, and what must come out of it.

    path: The file. Its pictures are those of tests/capture/sources/films.py, which show their own numbers.
    times_s: When each picture that can be decoded is due; None where the file does not say.
    frames: How many pictures can be decoded.
    size_wh: How large a player shows it.
    """

    path: Path
    times_s: list[float] | None
    frames: int
    size_wh: tuple[int, int] = SIZE_WH


class Contents(NamedTuple):
    """What a file holds.

    size_wh: Stored size of the pictures.
    times_s: When each picture is due.
    pictures: A digest of each decoded picture.
    sound: The payload of each packet of sound, as it is stored.
    sound_s: When each of those begins.
    """

    size_wh: tuple[int, int]
    times_s: list[float]
    pictures: list[str]
    sound: list[bytes]
    sound_s: list[float]


def contents_of(path: Path) -> Contents:
    """Read a whole file. What is damaged is left out, as a player does."""
    held = Contents((0, 0), [], [], [], [])
    with av.open(str(path)) as file:
        if file.streams.video:
            context = file.streams.video[0].codec_context
            held = held._replace(size_wh=(context.width, context.height))
        for packet in file.demux():
            if isinstance(packet.stream, AudioStream) and packet.size:
                held.sound.append(bytes(packet))
                held.sound_s.append(_seconds(packet.pts, packet.time_base))
            elif isinstance(packet.stream, VideoStream):
                try:
                    frames = [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
                except FFmpegError:
                    continue
                for frame in frames:
                    held.times_s.append(_seconds(frame.pts, frame.time_base))
                    held.pictures.append(hashlib.sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest())
    return held


def with_sound(film: Path, out: Path, codec: str = "aac") -> Path:
    """Copy a film's packets into another file, and put sound beside them. Returns the file's path.

    The sound never repeats, so a packet that is lost or moved shows itself.
    """
    with av.open(str(film)) as source, av.open(str(out), "w") as file:
        pictures = source.streams.video[0]
        copied = file.add_stream_from_template(pictures)
        track = file.add_stream(codec, rate=SOUND_RATE, layout="mono")
        assert isinstance(track, AudioStream)
        sound = _noise()
        ahead_s = 0.0
        for packet in _packets_of(source, pictures):
            while ahead_s <= _seconds(packet.dts, packet.time_base):
                frame = next(sound)
                file.mux(track.encode(frame))
                ahead_s = _seconds(frame.pts, Fraction(1, SOUND_RATE)) + SOUND_CHUNK / SOUND_RATE
            packet.stream = copied
            file.mux(packet)
        file.mux(track.encode(None))
    return out


def _packets_of(source: InputContainer, pictures: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Yield the packets of a stream, each with a time of decoding: in Matroska the first ones have none."""
    undated: list[Packet[VideoStream]] = []
    for packet in source.demux(pictures):
        if not packet.size:
            break  # the last one, which makes a decoder finish
        undated.append(packet)
        if packet.dts is not None:
            for before, earlier in enumerate(reversed(undated)):
                earlier.dts = packet.dts - before
            yield from undated
            undated = []


def _noise() -> Iterator[av.AudioFrame]:
    rng = np.random.default_rng(1)
    for number in itertools.count():
        samples: NDArray[np.int16] = rng.integers(-3000, 3000, (1, SOUND_CHUNK)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, number * SOUND_CHUNK, Fraction(1, SOUND_RATE)
        yield frame


def _seconds(stamp: int | None, time_base: Fraction | None) -> float:
    return float("nan") if stamp is None or time_base is None else float(stamp * time_base)


def variable_rate(folder: Path) -> Odd:
    """Pictures that come closely and rarely in turn."""
    return Odd(write_film(folder / "variable.mkv", UNEVEN_S, SIZE_WH), list(UNEVEN_S), len(UNEVEN_S))


def rotated(folder: Path) -> Odd:
    """A film that was taken with a phone held upright: it is stored lying, and its display matrix turns it."""
    times_s = evenly(8, RATE)
    return Odd(write_film(folder / "rotated.mp4", times_s, SIZE_WH, rotation=90), times_s, 8, SIZE_WH[::-1])


def ten_bit(folder: Path) -> Odd:
    """Ten bits for each colour, as newer phones have it."""
    times_s = evenly(8, RATE)
    silent = {"x265-params": "log-level=none"}
    film = write_film(folder / "ten-bit.mp4", times_s, SIZE_WH, codec="libx265", pix_fmt="yuv420p10le", options=silent)
    return Odd(film, times_s, 8)


def odd_sized(folder: Path) -> Odd:
    """Sides that chroma of half the size does not divide."""
    times_s = evenly(8, RATE)
    return Odd(write_film(folder / "odd.mkv", times_s, (129, 97), codec="ffv1"), times_s, 8, (129, 97))


def one_frame(folder: Path) -> Odd:
    """A single picture."""
    return Odd(write_film(folder / "one.mp4", [0.0], SIZE_WH), [0.0], 1)


def cut_off(folder: Path) -> Odd:
    """A film whose end is missing, in a container that is read from its beginning."""
    whole = write_film(folder / "whole.mkv", evenly(40, RATE), SIZE_WH, key_every=5, options={"bf": "0"})
    path = folder / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    times_s = contents_of(path).times_s
    assert 5 < len(times_s) < 40
    return Odd(path, times_s, len(times_s))


def without_times(folder: Path) -> Odd:
    """H.264 in no container at all, which says no picture's time."""
    return Odd(write_film(folder / "bare.h264", evenly(8, RATE), SIZE_WH, format="h264"), None, 8)


def begins_late(folder: Path) -> Odd:
    """A film whose first picture is due after a while, as parts cut out of a longer one have it."""
    times_s = [3.2 + time_s for time_s in evenly(8, RATE)]
    return Odd(write_film(folder / "late.mkv", times_s, SIZE_WH), times_s, 8)


def pictures_of(path: Path) -> Iterator[BgrImage]:
    """Yield the pictures of a file as they are shown, (H, W, 3) uint8 BGR."""
    video = VideoInput(f"file:{path}", path.name, is_network=False)
    while (frame := video.next_frame()) is not None:
        yield video.picture(frame.frame)
    video.close()


READABLE: dict[str, Callable[[Path], Odd]] = {
    "variable rate": variable_rate,
    "rotated": rotated,
    "ten bits": ten_bit,
    "odd sides": odd_sized,
    "one frame": one_frame,
    "cut off": cut_off,
    "no time stamps": without_times,
    "begins late": begins_late,
}


def sound_only(folder: Path) -> Path:
    """Sound and no picture."""
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as file:
        track = file.add_stream("aac", rate=SOUND_RATE, layout="mono")
        assert isinstance(track, AudioStream)
        for frame in itertools.islice(_noise(), 50):
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return path


def index_missing(folder: Path) -> Path:
    """A film cut off in a container whose index is at its end, so that nothing of it can be read."""
    path = write_film(folder / "no-index.mp4", evenly(20, RATE), SIZE_WH)
    os.truncate(path, path.stat().st_size // 2)
    return path


def text(folder: Path) -> Path:
    """Text under the name of a film."""
    path = folder / "text.mp4"
    path.write_text("This is no film.\n" * 100)
    return path


def empty(folder: Path) -> Path:
    """A file without a byte."""
    path = folder / "empty.mp4"
    path.touch()
    return path


def absent(folder: Path) -> Path:
    """The name of a file that is not there."""
    return folder / "absent.mp4"


UNREADABLE: dict[str, Callable[[Path], Path]] = {
    "sound only": sound_only,
    "index missing": index_missing,
    "text": text,
    "empty": empty,
    "absent": absent,
}


def slow(path: Path, seconds: int = 3 * HOUR_S, size_wh: tuple[int, int] = (320, 180)) -> Path:
    """Write two people who sit still for hours, at one picture a second: few bytes, and made in seconds. Returns its path."""
    picture = VideoFrame.from_ndarray(DemoScene(*size_wh, 1).frame(2), "bgr24").reformat(format="yuv420p")
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        for number in range(seconds):
            picture.pts, picture.time_base = number, Fraction(1)
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path
