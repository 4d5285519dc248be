"""The sink that writes video files: H.264 in fragmented MP4, with the times at which the pictures were captured."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import queue
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.runtime.private_files import make_folder
from common.vision.arrays import BgrImage
from display.captions import write_caption
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink

QUEUE_SIZE = 32  # pictures between the loop and the encoder; 88 MB at 720p
TICKS_PER_S = 90_000  # the clock of MPEG
FRAGMENT_S = 1.0  # a killed process loses at most this, and what is in the queue
# ultrafast: 720p30 in a fifth of a core; no frame waits for later ones
OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}

log = logging.getLogger("onlyme")


class VideoSink(UnattendedSink):
    """Encodes pictures in a thread. A picture for which its queue is full is counted and left out.

    No file is ever overwritten: `call-2.mp4` follows `call.mp4`. A new file begins when the last one is too large or too
    long, and when the size of the pictures changes.

    Raises:
        DisplayError: No file was named, it cannot be written, or the package av is not installed.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        try:
            importlib.import_module("av")
        except ImportError:
            raise DisplayError(
                "--sink video: expected the package av, got none; run .venv/bin/pip install -r requirements-video.txt"
            ) from None
        if settings.out is None or settings.out.suffix != ".mp4":
            raise DisplayError(f"--sink video: expected a file to write, got {settings.out}; add --out call.mp4")
        try:
            make_folder(settings.out.parent)
            if not os.access(settings.out.parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise DisplayError(f"--out: cannot write {settings.out} ({error.strerror}); name another file") from None
        self._longest_s, self._largest = settings.rotate_minutes * 60, settings.rotate_mb * 1_000_000
        self._out = settings.out
        self._queue: queue.Queue[tuple[int, BgrImage] | None] = queue.Queue(QUEUE_SIZE)
        self._shape = (360, 640, 3)
        self.left_out = 0
        self._failed = ""
        self._thread = threading.Thread(target=self._write, name="video", daemon=True)
        self._thread.start()

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._shape = picture.shape
        self._add(message.frame.captured_ns, picture)

    def blank(self, why: str) -> None:
        """See Sink. Writes a card, so that the last picture is not shown for as long as none comes."""
        card = np.zeros(self._shape, np.uint8)
        write_caption(card, [why])
        self._add(time.monotonic_ns(), card)

    def close(self) -> None:
        """See Sink."""
        if self._thread.is_alive():
            self._queue.put(None)
        self._thread.join()
        if self.left_out:
            log.warning("%d pictures left out: the encoder was too slow", self.left_out)

    def _add(self, captured_ns: int, picture: BgrImage) -> None:
        if self._failed:
            raise DisplayError(f"--sink video: cannot go on writing ({self._failed}); is the disk full?")
        try:
            self._queue.put_nowait((captured_ns, picture.copy()))
        except queue.Full:
            self.left_out += 1

    def _write(self) -> None:
        try:
            self._encode()
        except OSError as error:  # errors of PyAV are OSErrors too
            self._failed = str(error)

    def _encode(self) -> None:
        movie: Movie | None = None
        while (item := self._queue.get()) is not None:
            captured_ns, picture = item
            if movie is not None and self._is_over(movie, captured_ns, picture):
                movie.close()
                movie = None
            if movie is None:
                movie = Movie(next_free(self._out), picture.shape, captured_ns)
            movie.add(captured_ns, picture)
        if movie is not None:
            movie.close()

    def _is_over(self, movie: Movie, captured_ns: int, picture: BgrImage) -> bool:
        return (
            picture.shape != movie.shape
            or (self._longest_s > 0 and captured_ns - movie.begun_ns >= self._longest_s * 1e9)
            or (self._largest > 0 and movie.path.stat().st_size >= self._largest)
        )


class Movie:
    """One video file that is being written."""

    def __init__(self, path: Path, shape: tuple[int, ...], begun_ns: int) -> None:
        import av

        self.path, self.shape, self.begun_ns = path, shape, begun_ns
        flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._file = av.open(str(path), "w", format="mp4", options=flags)
        self._stream = self._file.add_stream("libx264", rate=30, options=OPTIONS)
        # chroma of half the size needs even sides
        self._stream.width, self._stream.height = shape[1] // 2 * 2, shape[0] // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        self._stream.codec_context.thread_count = 1
        self._last = -1
        self._key_at = 0
        log.info("recording to %s", path)

    def add(self, captured_ns: int, picture: BgrImage) -> None:
        """Add (H, W, 3) uint8 BGR captured at `captured_ns`. A picture that is not later than the last one follows it by a tick."""
        import av

        even = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        frame = av.VideoFrame.from_ndarray(even, format="bgr24")
        frame.pts = self._last = max(self._last + 1, round((captured_ns - self.begun_ns) * TICKS_PER_S / 1e9))
        frame.time_base = Fraction(1, TICKS_PER_S)
        if frame.pts >= self._key_at:  # a fragment ends before each key frame
            frame.pict_type = av.video.frame.PictureType.I
            self._key_at = frame.pts + round(FRAGMENT_S * TICKS_PER_S)
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        self._file.mux(self._stream.encode(None))
        self._file.close()


def next_free(path: Path) -> Path:
    """Return the first of `call.mp4`, `call-2.mp4` and so on that does not exist."""
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate
