"""The sink that writes video files: H.264 in fragmented MP4, with the times at which the pictures were captured."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from common.errors import DisplayError
from common.ipc.messages import LOST, FrameComposed
from common.vision.arrays import BgrImage
from display.captions import write_caption
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink
from display.sinks.whole_file import WholeFile, make_free, make_writable_folder
from display.sinks.writer_thread import WriterThread

TICKS_PER_S = 90_000  # the clock of MPEG
FRAGMENT_S = 1.0  # a killed process loses at most this, and what waits for the encoder
# ultrafast: 720p30 in a fifth of a core; no frame waits for later ones
OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}
FLAGS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}

log = logging.getLogger("onlyme")


class VideoSink(UnattendedSink):
    """Encodes pictures in a thread. A picture for which too many wait is counted and left out.

    No file is ever overwritten: `call-2.mp4` follows `call.mp4`. The first file begins with the first picture, and another
    when the last one is too large or too long, and when the size of the pictures changes.

    Raises:
        DisplayError: No file was named, or it cannot be written.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        if settings.out is None or settings.out.suffix != ".mp4":
            raise DisplayError(f"--sink video: expected a file to write, got {settings.out}; add --out call.mp4")
        try:
            make_writable_folder(settings.out.parent)
        except OSError as error:
            raise DisplayError(f"--out: cannot write {settings.out} ({error.strerror}); name another file") from None
        self._longest_s, self._largest = settings.rotate_minutes * 60, settings.rotate_mb * 1_000_000
        self._out = settings.out
        self._shape: tuple[int, ...] | None = None  # of the last picture, None before the first
        self.left_out = 0
        self._thread = WriterThread("video", settings.out, self._encode)

    @property
    def path(self) -> Path | None:
        """The file that is written now, None before it can be played."""
        return self._thread.path

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        if self._shape is None and message.state == LOST:
            return  # a card, and no picture yet
        self._shape = picture.shape
        self._add(message.frame.captured_ns, picture.copy())

    def blank(self, why: str) -> None:
        """See Sink. Writes a card, so that the last picture is not shown for as long as none comes."""
        if self._shape is not None:
            card = np.zeros(self._shape, np.uint8)
            write_caption(card, [why])
            self._add(time.monotonic_ns(), card)

    def close(self) -> None:
        """See Sink."""
        if self.left_out:
            log.warning("%d pictures left out: the encoder was too slow", self.left_out)
        self._thread.close()

    def _add(self, captured_ns: int, picture: BgrImage) -> None:
        if not self._thread.put((captured_ns, picture), picture.nbytes):
            self.left_out += 1

    def _encode(self, items: Iterator[tuple[int, BgrImage]]) -> None:
        movie: Movie | None = None
        try:
            for captured_ns, picture in items:
                if movie is not None and self._is_over(movie, captured_ns, picture):
                    over, movie = movie, None
                    over.close()
                movie = movie or Movie(self._out, picture.shape, captured_ns, self._thread.began)
                movie.add(captured_ns, picture)
        finally:
            if movie is not None:
                movie.close()

    def _is_over(self, movie: Movie, captured_ns: int, picture: BgrImage) -> bool:
        return (
            picture.shape != movie.shape
            or (self._longest_s > 0 and captured_ns - movie.begun_ns >= self._longest_s * 1e9)
            or (self._largest > 0 and movie.size >= self._largest)
        )


class Movie:
    """One video file that is being written, under the first free name.

    Args:
        out: The name that is tried first.
        shape: Of its pictures.
        begun_ns: When the first one was captured.
        began: Called with the file's path once a picture in it can be played. The file does not exist before.
    """

    def __init__(self, out: Path, shape: tuple[int, ...], begun_ns: int, began: Callable[[Path], None]) -> None:
        self.shape, self.begun_ns, self._began = shape, begun_ns, began
        self._out, self._made = out, Made()
        self._file: WholeFile | None = None
        self._container = av.open(self._made, "w", format="mp4", options=FLAGS)
        self._stream = self._container.add_stream("libx264", rate=30, options=OPTIONS)
        # chroma of half the size needs even sides
        self._stream.width, self._stream.height = shape[1] // 2 * 2, shape[0] // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        self._stream.codec_context.thread_count = 1
        self._last = -1
        self._key_at = 0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return 0 if self._file is None else self._file.size

    def add(self, captured_ns: int, picture: BgrImage) -> None:
        """Add (H, W, 3) uint8 BGR captured at `captured_ns`. A picture that is not later than the last one follows it by a tick.

        Raises:
            OSError: The file cannot be written.
            av.FFmpegError: The encoder refuses the picture.
        """
        even = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        frame = av.VideoFrame.from_ndarray(even, format="bgr24")
        frame.pts = self._last = max(self._last + 1, round((captured_ns - self.begun_ns) * TICKS_PER_S / 1e9))
        frame.time_base = Fraction(1, TICKS_PER_S)
        if frame.pts >= self._key_at:  # a fragment ends before each key frame; the first one ends after one picture
            frame.pict_type = av.video.frame.PictureType.I
            self._key_at = frame.pts + round(FRAGMENT_S * TICKS_PER_S) if frame.pts else 1
        self._container.mux(self._stream.encode(frame))
        if frame.pts:
            self._store()

    def close(self) -> None:
        """Finish the file. What was encoded is kept also where the encoder has failed."""
        with ExitStack() as steps:  # the last one comes first, and each one also after another has failed
            steps.callback(self._close_file)
            steps.callback(self._store)
            steps.callback(self._container.close)
            self._container.mux(self._stream.encode(None))

    def _store(self) -> None:
        """Write the fragments that are complete, the first one with the head of the file."""
        if fragments := self._made.take():
            is_first = self._file is None
            self._file = self._file or make_free(self._out, WholeFile)
            self._file.append(fragments)
            if is_first:
                self._began(self._file.path)

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()


class Made:
    """Takes what FFmpeg makes of a movie. Between two pictures these are whole fragments."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        """Keep a part. FFmpeg calls this."""
        self._parts.append(bytes(part))
        return len(part)

    def take(self) -> bytes:
        """Return what has come since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
