"""Small films for tests, written with PyAV: each picture shows its own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from capture.sources.source import SourceFrame
from common.vision.arrays import BgrImage

TICKS_PER_S = 90_000
STEP = 8  # grey levels from one number to the next
FAST = {"libx264": {"preset": "ultrafast"}}
NUMBERS = 30  # as many as an encoder surely tells apart


def picture_of(number: int, size_wh: tuple[int, int]) -> BgrImage:
    """A grey picture; the grey says the number. Its upper left corner is blue."""
    picture = np.full((size_wh[1], size_wh[0], 3), number % NUMBERS * STEP, np.uint8)
    picture[: size_wh[1] // 4, : size_wh[0] // 4] = (255, 0, 0)
    return picture


def number_of(picture: BgrImage) -> int:
    """The number that a picture shows, modulo NUMBERS. It is read in the middle, whichever way up the picture is."""
    height, width = picture.shape[:2]
    middle = picture[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]
    return round(float(middle.mean()) / STEP) % NUMBERS


def blue_corner(picture: BgrImage) -> tuple[str, str]:
    """Where the blue corner of a picture is: upper or lower, left or right."""
    rows, columns = np.nonzero(picture[..., 0].astype(int) - picture[..., 2] > 100)
    height, width = picture.shape[:2]
    return "upper" if rows.mean() < height / 2 else "lower", "left" if columns.mean() < width / 2 else "right"


def seconds_of(frames: Sequence[SourceFrame]) -> list[float]:
    """When each frame was captured, in seconds since the first one."""
    return [(frame.captured_ns - frames[0].captured_ns) / 1e9 for frame in frames]


def evenly(count: int, rate: float) -> list[float]:
    """The times of so many pictures at so many a second."""
    return [number / rate for number in range(count)]


def write_film(
    path: Path,
    times_s: Sequence[float],
    size_wh: tuple[int, int] = (64, 48),
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    format: str | None = None,
    key_every: int = 250,
    options: Mapping[str, str] | None = None,
    aspect: Fraction | None = None,
    rotation: float | None = None,
    mirrored: bool = False,
    with_sound: bool = False,
) -> Path:
    """Write a film whose pictures have the given times. Returns its path."""
    with av.open(str(path), "w", format=format) as file:
        stream = file.add_stream(codec, rate=30, options={**FAST.get(codec, {}), **(options or {})})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size_wh, pix_fmt
        stream.gop_size = key_every
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None or mirrored:
            stream.set_display_rotation(rotation or 0, hflip=mirrored)
        sound = file.add_stream("aac", rate=48_000) if with_sound else None
        for number, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(picture_of(number, size_wh), "bgr24")
            frame.pts, frame.time_base = round(time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
            file.mux(stream.encode(frame))
            if sound is not None:
                samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                samples.sample_rate, samples.pts = 48_000, number * 1024
                file.mux(sound.encode(samples))
        file.mux(stream.encode(None))
        if sound is not None:
            file.mux(sound.encode(None))
    return path
