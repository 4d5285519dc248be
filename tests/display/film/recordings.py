"""Small recordings for tests of films, written with PyAV, and what is in one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from capture.sources.container import VideoInput
from common.ipc.messages import FrameComposed
from common.ipc.recording_clock import captured_ns_of
from common.ipc.records import FrameInfo
from common.vision.arrays import BgrImage
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.film import FilmSink
from tests.capture.sources.films import picture_of

MS = Fraction(1, 1000)
SAMPLES = 1024  # of sound in a packet, where the codec leaves that open
RAW = {"pcm_s16le": "s16", "flac": "s16", "libopus": "flt", "libmp3lame": "fltp", "aac": "fltp", "libvorbis": "fltp"}


class Sound(NamedTuple):
    """A track of sound: its codec, when it begins and how long it is, what it says of itself."""

    codec: str = "aac"
    begin_s: float = 0.0
    length_s: float = 0.8
    metadata: Mapping[str, str] = {}
    rate: int = 48_000


class Subtitles(NamedTuple):
    """A track of subtitles: its codec, and when each line comes and goes."""

    codec: str
    lines: Sequence[tuple[float, float]] = ((0.1, 0.3), (0.4, 0.6))


class Track(NamedTuple):
    """A track that was read: its codec and language, and the time stamp and the bytes of each packet."""

    codec: str
    language: str | None
    stamps: list[Fraction]
    payloads: list[bytes]


def write_recording(
    path: Path,
    stamps: Sequence[int],
    time_base: Fraction,
    size_wh: tuple[int, int] = (64, 48),
    *,
    tracks: Iterable[Sound | Subtitles] = (),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    colours: Mapping[str, int] | None = None,
    metadata: Mapping[str, str] | None = None,
    pictures: Sequence[BgrImage] | None = None,
    last_duration: int = 0,
    aspect: Fraction | None = None,
    rotation: float | None = None,
    cover: bool = False,
    format: str | None = None,
) -> Path:
    """Write a recording whose pictures have the given stamps. Its encoder reorders them (B-frames). Returns its path."""
    options = {"avoid_negative_ts": "disabled"}
    if path.suffix in (".mp4", ".mov"):
        options["movie_timescale"] = "240000"  # in which the beginnings of pictures and sound are whole numbers
    with av.open(str(path), "w", format=format, container_options=options) as file:
        file.metadata.update(metadata or {})
        x264 = {"preset": "veryfast", "crf": "10"} if codec == "libx264" else {}
        stream = file.add_stream(codec, rate=30, options=x264)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size_wh, pix_fmt
        stream.time_base = stream.codec_context.time_base = time_base
        for name, number in (colours or {}).items():
            setattr(stream.codec_context, name, number)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            stream.set_display_rotation(rotation)
        image = None
        if cover:
            image = file.add_stream("mjpeg", rate=1)
            assert isinstance(image, VideoStream)
            image.width, image.height, image.pix_fmt = 32, 32, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
        written = [(track, _add(file, track)) for track in tracks]
        packets: list[Packet[Any]] = []
        durations = {a: b - a for a, b in itertools.pairwise(stamps)} | {stamps[-1]: last_duration}
        for number, stamp in enumerate(stamps):
            picture = picture_of(number, size_wh) if pictures is None else pictures[number]
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            if colours:  # of the conversion from BGR
                matrix = {6: 5, 2: 5}.get(colours["colorspace"], colours["colorspace"])
                frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=colours["color_range"])
            frame.pts, frame.time_base = stamp, time_base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets:
            packet.duration = durations[packet.pts or 0]
        if path.suffix in (".mp4", ".mov"):  # which count durations in decoding order
            lead = (packets[0].pts or 0) - (packets[0].dts or 0)
            packets[-1].duration = max(1, stamps[-1] + last_duration - lead - (packets[-1].dts or 0))
        if image is not None:
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 77, np.uint8), "bgr24")
            packets[:0] = [*image.encode(frame), *image.encode(None)]
        for track, into in written:
            packets += list(_packets_of(track, into))
        file.start_encoding()
        file.mux(sorted(packets, key=lambda each: (each.dts or 0) * each.time_base))
    return path


def _add(file: av.container.OutputContainer, track: Sound | Subtitles) -> Stream:
    if isinstance(track, Sound):
        stream: Stream = file.add_stream(track.codec, rate=track.rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout, stream.codec_context.format = "mono", RAW[track.codec]
        stream.codec_context.open(strict=False)
        stream.metadata.update(track.metadata)
    else:
        stream = file.add_mux_stream(track.codec, time_base=MS)
    return stream


def _packets_of(track: Sound | Subtitles, stream: Stream) -> Iterable[Packet[Any]]:
    if isinstance(track, Sound):
        assert isinstance(stream, AudioStream)
        rng = np.random.default_rng(1)
        size = stream.codec_context.frame_size or SAMPLES
        for begin in range(0, round(track.length_s * track.rate), size):
            format = RAW[track.codec]
            noise = rng.integers(-3000, 3000, (1, size))
            data = noise.astype(np.int16) if format == "s16" else (noise / 32768).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(data, format, "mono")
            frame.sample_rate, frame.pts = track.rate, round(track.begin_s * track.rate) + begin
            frame.time_base = Fraction(1, track.rate)
            yield from stream.encode(frame)
        yield from stream.encode(None)
        return
    for number, (begin_s, end_s) in enumerate(track.lines):
        text = f"line {number}".encode()
        packet: Packet[Any] = Packet(len(text).to_bytes(2, "big") + text if track.codec == "mov_text" else text)
        packet.pts = packet.dts = round(begin_s * 1000)
        packet.duration, packet.time_base, packet.stream = round((end_s - begin_s) * 1000), MS, stream
        yield packet


def film_of(recording: Path, out: Path, **settings: Any) -> Path:
    """Write the film of a recording whose pictures are left as they are. Returns its path."""
    sink = FilmSink(DisplaySettings(sink="video", pace="every", source=str(recording), out=out, **settings))
    try:
        sink.end(show_all(recording, sink))
    finally:
        sink.close()
    return out


def show_all(recording: Path, sink: FilmSink) -> int:
    """Show every picture of a recording. Returns how many there are."""
    video, count = VideoInput(f"file:{recording}", "file", is_network=False), 0
    while (decoded := video.next_frame()) is not None:
        assert decoded.stamp_s is not None
        show(sink, count, captured_ns_of(decoded.stamp_s), video.picture(decoded.frame))
        count += 1
    video.close()
    return count


def show(sink: FilmSink, number: int, captured_ns: int, picture: BgrImage, state: str = "live") -> None:
    """Show one picture."""
    height, width = picture.shape[:2]
    frame = FrameInfo(1, number, captured_ns, number, "", 0, height, width)
    sink.show(picture, FrameComposed(frame, captured_ns, state, "", -1.0, True, ""), Meter())


def stamps_of(path: Path) -> list[Fraction]:
    """Return the time stamp of every picture, in seconds."""
    video, found = VideoInput(f"file:{path}", "file", is_network=False), []
    while (decoded := video.next_frame()) is not None:
        assert decoded.frame.pts is not None and decoded.frame.time_base is not None
        found.append(decoded.frame.pts * decoded.frame.time_base)
    video.close()
    return found


def pictures_of(path: Path) -> list[BgrImage]:
    """Return every picture upright and with square pixels."""
    video, found = VideoInput(f"file:{path}", "file", is_network=False), []
    while (decoded := video.next_frame()) is not None:
        found.append(video.picture(decoded.frame))
    video.close()
    return found


def tracks_of(path: Path) -> list[Track]:
    """Return the tracks of sound and subtitles."""
    with av.open(str(path)) as file:
        found = {
            each.index: Track(each.codec_context.name, each.language, [], [])
            for each in file.streams
            if each.type in ("audio", "subtitle")
        }
        for packet in file.demux(*(file.streams[index] for index in found)) if found else ():
            if packet.size and packet.pts is not None:
                found[packet.stream_index].stamps.append(packet.pts * packet.time_base)
                found[packet.stream_index].payloads.append(bytes(packet))
    return list(found.values())
