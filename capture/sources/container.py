"""Opens a video file or an address with PyAV, and decodes its pictures one after the other.

FFmpeg says nothing on the terminal, which is PyAV's default, and of its errors only the plain meaning is passed on: their full
text contains the address with its password.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import NamedTuple, cast

import av
from av.codec.context import ThreadType
from av.error import ExitError, FFmpegError
from av.format import Flags
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from capture.sources.conversion import FrameConverter
from capture.sources.pacing import period_of
from common.errors import SourceError, SourceLostError
from common.runtime.cores import available_cores
from common.vision.arrays import BgrImage

# the second is for the next part of a playlist; of a camera that is silent the reader says so earlier (capture/reader.py)
OPEN_TIMEOUT_S, LONGEST_READ_S = 8.0, 10.0
NETWORK_OPTIONS = {
    "rtsp_flags": "prefer_tcp",  # over UDP packets are lost, and pictures with them
    # FFmpeg looks at a stream before it is opened. At one picture in two seconds that would take longer than OPEN_TIMEOUT_S
    "analyzeduration": "1000000",  # microseconds
    "fpsprobesize": "0",  # pictures
}
PROBED_PACKETS, PROBED_OF_STREAM = 12, 3  # enough to tell the rate; more of a stream may not be there yet
# of packets that are read but not decoded: 5 s of 100 Mbit/s, and on a slow disk or line no longer than nobody notices
LARGEST_AHEAD, LONGEST_AHEAD_S = 64 * 2**20, 0.3
FALLBACK_RATE = 25.0
MOST_THREADS = 4  # of the decoder; each keeps a picture in memory


class DecodedFrame(NamedTuple):
    """One picture of a container.

    frame: As decoded; `VideoInput.picture` converts it.
    stamp_s: Its own timestamp; None if it has none.
    number: How many pictures of the container come before it, those that were left out included.
    """

    frame: VideoFrame
    stamp_s: float | None
    number: int


class ReadPacket(NamedTuple):
    """A packet, which becomes one picture when it is decoded. `number` counts the packets before it."""

    packet: Packet[Stream]
    stamp_s: float | None
    number: int


class VideoInput:
    """Read the best video stream of a file or an address. Sound and other streams are not decoded.

    Args:
        location: What FFmpeg opens, such as "file:clip.mp4" or an address.
        name: Name that everybody may read, for a SourceLostError.
        is_network: Opening and reading have time limits, and a failure to read is a loss and not an end.

    Raises:
        SourceError: It cannot be opened, or no picture of it can be decoded. The text is the cause alone.
    """

    def __init__(self, location: str, name: str, is_network: bool) -> None:
        self._name, self._is_network = name, is_network
        try:
            self._container = av.open(
                location,
                "r",
                options=NETWORK_OPTIONS if is_network else None,
                timeout=(OPEN_TIMEOUT_S, LONGEST_READ_S) if is_network else None,
                metadata_errors="replace",
            )
        except FFmpegError as error:
            raise SourceError(_meaning_of(error)) from None
        stream = self._container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            self.close()
            raise SourceError("it holds no video that is known here")
        self._stream = stream
        for each in self._container.streams:
            each.discard = Discard.default if each is stream else Discard.all
        self.format, self.codec = self._container.format.name, stream.codec_context.name
        if not self.is_live:
            stream.thread_type = ThreadType.AUTO  # several frames at once too: faster, but each comes later
        stream.thread_count = min(MOST_THREADS, available_cores())
        self._packets = self._container.demux()
        self._ahead: deque[ReadPacket] = deque()  # read, but not decoded
        self._decoded: deque[VideoFrame] = deque()
        self._read_count = self._next_number = 0
        self._first_stamps_s: list[float] = []  # of PROBED_PACKETS
        self._newest_s = float("-inf")
        self._whole_from: int | None = None  # pts of the key frame of a jump: earlier frames lack what they refer to
        self._waits_since = time.monotonic()
        self._converter = FrameConverter(stream)
        with contextlib.suppress(SourceLostError):
            self._decode_next()
        if not self._decoded:
            self.close()
            raise SourceError("no picture of it can be decoded")

    @property
    def has_timestamps(self) -> bool:
        """Whether the timestamps are the source's own, and not made up by FFmpeg."""
        return not self._container.format.flags & cast(int, Flags.no_timestamps.value)

    @property
    def is_recorded(self) -> bool:
        """Whether it is a film, which ends, and not a stream that is being made."""
        if self.format in ("rtsp", "mpjpeg"):
            return False  # a server sends the first at its own pace; the second is how cameras send JPEG
        return bool(self._container.duration) or (self.format != "hls" and self._container.size > 0)

    @property
    def is_live(self) -> bool:
        """Whether each picture comes when it was taken. A stream in parts of some seconds each (HLS) is not live in this sense."""
        return not self.is_recorded and self.format != "hls"

    @property
    def guessed_rate(self) -> float:
        """Pictures a second as the container says or FFmpeg guesses. For a slow source it is often wrong."""
        return float(self._stream.guessed_rate or FALLBACK_RATE)

    @property
    def expected_frames(self) -> int:
        """How many pictures the container says it holds, or its length and rate do; 0 where that is unknown."""
        if self._stream.frames:
            return self._stream.frames
        rate = float(self._stream.average_rate or self.guessed_rate)
        return round((self._container.duration or 0) / av.time_base * rate)

    def period_s(self) -> float:
        """Read the first packets. Returns the median time between pictures."""
        wanted = PROBED_PACKETS if self.is_recorded else PROBED_OF_STREAM
        while self._read_count < wanted and (read := self._read()) is not None:
            self._ahead.append(read)
        return period_of(self._first_stamps_s) or 1 / self.guessed_rate

    def next_frame(self) -> DecodedFrame | None:
        """Return the next picture, None at the end.

        Raises:
            SourceLostError: An address does not deliver any more.
        """
        while self._decode_next():
            frame = self._decoded.popleft()
            self._next_number += 1
            if self._whole_from is not None and frame.pts is not None and frame.pts < self._whole_from:
                continue
            self._whole_from = None
            if frame.time is not None:
                self._newest_s = frame.time
            return DecodedFrame(frame, frame.time, self._next_number - 1)
        return None

    def jump_to(self, stamp_s: float) -> bool:
        """Go on at the newest key frame up to a timestamp. Packets before it are read, but not decoded.

        That is what seeking does, but it works in every container and where a server cannot seek, it keeps the numbers of
        pictures exact, and it never goes back.

        Returns:
            False if there is no key frame between the last picture and `stamp_s`. Nothing is left out then.
        """
        waiting, self._ahead = self._ahead, deque()
        key: ReadPacket | None = None
        size, until = 0, time.monotonic() + LONGEST_AHEAD_S
        while size < LARGEST_AHEAD and (waiting or time.monotonic() < until):
            read = waiting.popleft() if waiting else self._read()
            if read is None:
                break
            stamp = read.stamp_s
            if read.packet.is_keyframe and stamp is not None and self._newest_s < stamp <= stamp_s:
                self._ahead.clear()
                key, size = read, 0
            self._ahead.append(read)
            size += read.packet.size
            if stamp is not None and stamp > stamp_s:
                break
        self._ahead.extend(waiting)
        if key is not None:
            self._stream.codec_context.flush_buffers()
            self._decoded.clear()
            self._next_number, self._whole_from = key.number, key.packet.pts
        return key is not None

    def picture(self, frame: VideoFrame) -> BgrImage:
        """Convert a decoded frame. Returns it upright and with square pixels, (H, W, 3) uint8 BGR."""
        return self._converter.picture(frame)

    def close(self) -> None:
        """Close the file or the connection."""
        self._container.close()

    def _decode_next(self) -> bool:
        """Decode until there is a picture. False at the end."""
        self._waits_since = time.monotonic()
        while not self._decoded:
            read = self._ahead.popleft() if self._ahead else self._read()
            if read is None:
                return False
            with contextlib.suppress(FFmpegError):  # a broken packet; the next one may be whole
                self._decoded.extend(frame for frame in read.packet.decode() if isinstance(frame, VideoFrame))
        return True

    def _read(self) -> ReadPacket | None:
        """Return the next packet of the video stream, None at the end. The last one is empty and makes the decoder finish."""
        while True:
            if self._is_network and time.monotonic() - self._waits_since > LONGEST_READ_S:
                raise SourceLostError(f"{self._name}: no picture came for {LONGEST_READ_S:.0f} s")
            try:
                packet = next(self._packets, None)
            except FFmpegError as error:
                if not self._is_network:
                    return None  # the film is damaged from here on
                raise SourceLostError(f"{self._name} stopped delivering: {_meaning_of(error)}") from None
            if packet is None:
                return None
            if packet.stream is self._stream:  # the empty one that ends a track has the index 0 in every track
                stamp = packet.pts if packet.pts is not None else packet.dts
                stamp_s = None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)
                if stamp_s is not None and self._read_count < PROBED_PACKETS:
                    self._first_stamps_s.append(stamp_s)
                self._read_count += 1
                return ReadPacket(packet, stamp_s, self._read_count - 1)


def _meaning_of(error: FFmpegError) -> str:
    """Return what an error means, without the address in it."""
    return "no answer in time" if isinstance(error, ExitError) else (error.strerror or type(error).__name__)
