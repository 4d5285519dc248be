"""What it costs to play a film: PyAV, which reads files and addresses here, beside cv2.VideoCapture."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np

from capture.sources.clock import Clock
from capture.sources.source import Source
from capture.sources.video_file import open_file
from common.vision.arrays import BgrImage
from tests.bench.clips import AGAIN, FPS, footage, pictures
from tests.bench.table import print_table

SIZE_WH = (1280, 720)
FILM_S, TURN_S, TURNS = 10, 3, 5
Reader = Callable[[], tuple[BgrImage, int]]  # returns the next picture, and when it was due, CLOCK_MONOTONIC ns


def main() -> None:
    """In turn, in one process; medians of the turns."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        film = write_h264(Path(folder) / "film.mp4")
        readers = {"cv2.VideoCapture": with_opencv(film), "PyAV": with_pyav(open_file(film, once=False))}
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
        for _ in range(TURNS):
            for name, reader in readers.items():
                turns[name].append(play(reader))
    rows = [
        {
            "reader": name,
            "CPU ms a picture": statistics.median(cpu for cpu, _ in taken),
            "late ms": statistics.median(late for _, late in taken),
        }
        for name, taken in turns.items()
    ]
    print_table(f"a film of H.264, 1280 x 720 at {FPS} a second, of {footage()}", rows)


def play(reader: Reader) -> tuple[float, float]:
    """Return CPU ms a picture and the median lateness in ms of some seconds of a film."""
    for _ in range(FPS // 3):  # after the other's turn it is late
        reader()
    begun, late_ms = time.process_time(), []
    for _ in range(TURN_S * FPS):
        _picture, due_ns = reader()  # held, as capture does until it is published
        late_ms.append((time.monotonic_ns() - due_ns) / 1e6)
    return 1000 * (time.process_time() - begun) / len(late_ms), statistics.median(late_ms)


def with_pyav(source: Source) -> Reader:
    def read() -> tuple[BgrImage, int]:
        frame = source.read()
        assert frame is not None
        return frame.picture, frame.captured_ns

    return read


def with_opencv(film: Path) -> Reader:
    """As capture read files before it used PyAV."""
    video, clock = cv2.VideoCapture(str(film)), Clock(FPS)
    index = 0

    def grab() -> None:
        if not video.grab():
            video.open(str(film))
            video.grab()

    def read() -> tuple[BgrImage, int]:
        nonlocal index
        while index < clock.due():
            grab()
            index += 1
        clock.wait_ahead_of(index)
        grab()
        picture = video.retrieve()[1]
        index += 1
        return picture, clock.wait_for(index - 1)

    return read


def write_h264(path: Path) -> Path:
    """Write the footage as phones and cameras do, with a key frame a second."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = *SIZE_WH, "yuv420p", FPS
        for picture in islice(cycle(pictures(AGAIN)), FILM_S * FPS):
            scaled = np.asarray(cv2.resize(picture, SIZE_WH, interpolation=cv2.INTER_CUBIC), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(scaled, "bgr24")))
        file.mux(stream.encode(None))
    return path
