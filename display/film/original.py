"""The recording that a film is made of, as far as the film copies it: its tracks of sound and subtitles, packet by packet."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from common.errors import SourceError
from common.readable import readable
from display.film.colours import colours_of

COPIED = ("audio", "subtitle")
WORDS = {"audio": "sound", "subtitle": "subtitles"}

log = logging.getLogger("onlyme")


class Original:
    """Reads a recording beside capture, without decoding it.

    Args:
        path: Of the recording.
        with_sound: Whether its sound and its subtitles are copied.

    Attributes:
        time_base: Of its pictures, seconds a tick.
        rate: Pictures a second on average, None if that is not known.
        colours: How its pictures are stored.
        copied: Its tracks of sound and subtitles, in its own order; none if they are not copied.
        metadata, chapters: What it says of itself.

    Raises:
        SourceError: It is no file, or no video that can be read.
    """

    def __init__(self, path: Path, *, with_sound: bool) -> None:
        with readable("--source", path, SourceError):
            if not path.is_file():
                raise SourceError(f"--source: expected a video file, got {path}, which is not there; check the path")
        try:
            self._container = av.open("file:" + os.fspath(path), metadata_errors="replace")
        except FFmpegError as error:
            raise SourceError(f"--source: expected a video that can be read, got {path} ({error.strerror})") from None
        video = self._container.streams.best("video")
        if not isinstance(video, VideoStream) or video.codec_context is None or video.time_base is None:
            self.close()
            raise SourceError(f"--source: expected a video that can be read, got {path}, which holds none")
        self._video, self.time_base, self.rate = video, video.time_base, video.average_rate
        self.colours = colours_of(video.codec_context)
        self.copied = [each for each in self._container.streams if with_sound and each.type in COPIED]
        self.metadata: dict[str, str] = self._container.metadata
        self.chapters = self._container.chapters()
        for each in self._container.streams:
            each.discard = Discard.default if each is video or each in self.copied else Discard.all
        if left_out := [
            describe(each) for each in self._container.streams if each is not video and each not in self.copied
        ]:
            log.info("not in the film: %s", ", ".join(left_out))
        self._packets = self._container.demux()
        self._ahead: Packet[Stream] | None = None
        self._last_dts: dict[int, int] = {}  # by track
        self._following: dict[int, int] = {}  # by track: when its last packet is over, ticks
        self._lead: int | None = None  # ticks from the first picture's decoding time to its stamp
        self._end: int | None = None  # ticks

    @property
    def end_s(self) -> Fraction | None:
        """When the last of its pictures that were read is over, seconds; None if it does not say that."""
        return None if self._end is None else self._end * self.time_base

    def until(self, stamp_s: Fraction | None) -> Iterator[Packet[Stream]]:
        """Yield the packets of the copied tracks that come before a time in decoding order, or all that are left.

        A recording that is damaged ends there, as it does where its pictures are decoded.
        """
        while (packet := self._ahead or self._next()) is not None:
            self._ahead = packet
            if stamp_s is not None and packet.dts is not None and packet.dts * packet.time_base > stamp_s:
                return
            self._ahead = None
            if packet.stream is self._video:
                self._measure(packet)
            elif packet.stream in self.copied and not _is_gap(packet):
                yield packet

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _next(self) -> Packet[Stream] | None:
        try:
            # an empty packet for each track marks the end
            packet = next((each for each in self._packets if each.size), None)
        except FFmpegError as error:
            log.warning("--source: the recording is damaged: its sound ends there (%s)", error.strerror)
            return None
        if packet is not None and packet.stream in self.copied:
            self._mend(packet)
        return packet

    def _measure(self, packet: Packet[Stream]) -> None:
        """Take the end of a picture. MP4 says how long each is in decoding order, others in the order of their stamps."""
        if packet.pts is None or packet.dts is None or not packet.duration:
            return
        self._lead = packet.pts - packet.dts if self._lead is None else self._lead
        begin = packet.dts + self._lead if "mp4" in self._container.format.name else packet.pts
        self._end = max(self._end or begin, begin + packet.duration)

    def _mend(self, packet: Packet[Stream]) -> None:
        """Have every packet state a decoding time, later than that of the one before: every container demands that.

        A packet without a time stamp follows the one before it.
        """
        if packet.dts is None:
            packet.dts = packet.pts if packet.pts is not None else self._following.get(packet.stream_index, 0)
        step = 0 if packet.stream.type == "subtitle" else 1  # two lines of subtitles may come at once
        packet.dts = max(packet.dts, self._last_dts.get(packet.stream_index, packet.dts - step) + step)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        self._last_dts[packet.stream_index] = packet.dts
        self._following[packet.stream_index] = packet.dts + (packet.duration or 0)


def _is_gap(packet: Packet[Stream]) -> bool:
    """Return whether a packet is the empty one that MP4 has between two lines of subtitles: FFmpeg writes those itself."""
    return packet.stream.codec_context.name == "mov_text" and bytes(packet)[:2] == b"\0\0"


def describe(stream: Stream) -> str:
    """Return what a track is, for people to read."""
    name = stream.codec_context.name if stream.codec_context is not None else "unknown"
    return f"track {stream.index} ({WORDS.get(stream.type, stream.type)}, {name})"
