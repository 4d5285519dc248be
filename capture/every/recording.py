"""Reads a video file whole: every picture in order, with its own time stamp, and where its shots begin and end."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from capture.sources.choice import name_of
from capture.sources.source import FILE
from capture.sources.video_file import open_video
from common.errors import SourceError
from common.ipc.recording_clock import captured_ns_of
from common.vision.arrays import BgrImage
from common.vision.cuts import CutDetector


class RecordedFrame(NamedTuple):
    """One picture of a recording.

    picture: (H, W, 3) uint8 BGR, upright and with square pixels, and all of one size. The receiver owns it.
    number: How many come before it.
    captured_ns: Its time stamp by the recording's clock (common/ipc/recording_clock.py), later than that of the one before.
    is_cut: Whether it is the first of another shot than the one before.
    ends_shot: Whether it is the last one of its shot, or of the recording.
    """

    picture: BgrImage
    number: int
    captured_ns: int
    is_cut: bool
    ends_shot: bool


class Recording:
    """Read a video file, one picture ahead, so that the last one of each shot is known.

    Args:
        source: The value of `--source`.

    Attributes:
        shape: (H, W, 3) of its pictures.
        expected: How many there are as the container says, 0 where it says nothing.
        count: How many were read.
        description: For the log.

    Raises:
        SourceError: It is no video file, or no picture of it can be decoded.
    """

    def __init__(self, source: str) -> None:
        if (kind := name_of(source)) != FILE:
            raise SourceError(f"--source: expected a video file with --pace every, got {kind}; give the path of a file")
        path = Path(source).expanduser()
        self._video = open_video(path)
        self._clock, self._cuts = Clock(1 / self._video.guessed_rate), CutDetector()
        self.shape = (0, 0, 3)  # until the first picture has come
        self.count = 0  # of the pictures read
        self._ahead = self._next()
        if self._ahead is None:
            self.close()
            raise SourceError(f"--source: expected a video, got {path}, of which no frame can be read; check it")
        self.expected = self._video.expected_frames
        self.description = f"{path}, {self._video.codec}"

    def read(self) -> RecordedFrame | None:
        """Return the next picture, None after the last one."""
        now, self._ahead = self._ahead, None
        if now is None:
            return None
        self.count += 1
        self._ahead = self._next()
        return now._replace(ends_shot=self._ahead is None or self._ahead.is_cut)

    def _next(self) -> RecordedFrame | None:
        decoded = self._video.next_frame()
        if decoded is None:
            return None
        picture = self._of_one_size(self._video.picture(decoded.frame))
        captured_ns = self._clock.captured_ns(decoded.stamp_s)
        return RecordedFrame(picture, self.count, captured_ns, self._cuts.is_cut(picture), ends_shot=False)

    def close(self) -> None:
        """Close the file."""
        self._video.close()

    def _of_one_size(self, picture: BgrImage) -> BgrImage:
        """Return the picture at the size of the first one."""
        height, width = self.shape[:2] if self.count else picture.shape[:2]
        self.shape = height, width, 3
        if picture.shape == self.shape:
            return picture
        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class Clock:
    """Turns time stamps into `captured_ns` that only grow. Pure.

    Args:
        period_s: From one picture to the next where a time stamp is missing, or is not later than the one before.
    """

    def __init__(self, period_s: float) -> None:
        self._period_ns = max(1, round(period_s * 1e9))
        self._last_ns: int | None = None

    def captured_ns(self, stamp_s: float | None) -> int:
        """Return the `captured_ns` of the next picture."""
        follows_ns = captured_ns_of(0.0) if self._last_ns is None else self._last_ns + self._period_ns
        now_ns = follows_ns if stamp_s is None else max(0, captured_ns_of(stamp_s))
        self._last_ns = follows_ns if self._last_ns is not None and now_ns <= self._last_ns else now_ns
        return self._last_ns
