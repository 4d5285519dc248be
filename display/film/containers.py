"""The containers and codecs of films, and which of them go together."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import av
from av.error import FFmpegError
from av.stream import Stream

FORMATS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}  # by suffix, as FFmpeg calls them


@dataclass(frozen=True)
class Encoder:
    """An encoder, and how it is used.

    Args:
        name: FFmpeg's name.
        options: Its options, the quality apart. The same number of threads on every machine, so that the same pictures
            always make the same film.
        threads: For encoders that FFmpeg tells, 0 for those that `options` tell.
        halves_odd: Whether it takes colours at half the size (4:2:0) of pictures with odd sides.
    """

    name: str
    options: Mapping[str, str] = field(hash=False)
    threads: int
    halves_odd: bool


X265 = "pools=4:frame-threads=2:log-level=error"
ENCODERS = {
    # at 1280 x 720: 15 ms of one core a picture. veryfast takes 25 ms for 7 % less, ultrafast 7 ms for 75 % more.
    # the others: 48 and 31 ms; "good" of VP9 takes 186 ms for 6 % less. The AV1 encoder of FFmpeg gives the whole process the
    # highest real-time priority where it runs as root, which stops everything else on the machine
    "h264": Encoder("libx264", {"preset": "superfast"}, 4, False),
    "hevc": Encoder("libx265", {"preset": "ultrafast", "x265-params": X265}, 0, False),
    "vp9": Encoder("libvpx-vp9", {"b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}, 4, True),
}  # fmt: skip


@cache
def can_hold_pictures(suffix: str, encoder: Encoder) -> bool:
    """Return whether a container can hold what an encoder makes."""
    with av.open(io.BytesIO(), "w", format=FORMATS[suffix]) as trial:
        return encoder.name in trial.supported_codecs


def can_hold(suffix: str, track: Stream) -> bool:
    """Return whether a container can hold a track of another as it is. It is tried: what FFmpeg lists is not always right."""
    try:
        with av.open(io.BytesIO(), "w", format=FORMATS[suffix]) as trial:
            trial.add_stream_from_template(track)
            trial.start_encoding()
    except (FFmpegError, ValueError):  # the second one is PyAV's own refusal
        return False
    return True
