"""Cuts small pictures out of a finished film, so that nothing that is hidden in the film can be in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.frame import VideoFrame

from common.errors import UserError
from common.redaction.judgements import Box
from common.vision.arrays import BgrImage

QUALITY = 70  # of JPEG, 0..100
ROUNDING_S = 0.002  # by which time stamps of two containers may differ: Matroska rounds to 1 ms
SEEK_S = 10.0  # what lies nearer is decoded on the way; a film's key frames are hardly nearer to each other


class Cut(NamedTuple):
    """A picture to cut out.

    time_s: Time stamp of the frame in the film.
    box: What of it is wanted.
    side: Length of the longer side in pixels; a picture is made smaller to fit, and never larger.
    """

    time_s: float
    box: Box
    side: int


class Film:
    """A finished film, of which single frames are wanted.

    Attributes:
        begin_s: Time stamp of its first frame.

    Raises:
        FFmpegError: It cannot be opened.
        UserError: It holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self._container = av.open(f"file:{path}", "r", metadata_errors="replace")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = ThreadType.AUTO
        self._decoded = self._container.decode(self._stream)
        self._frame = self._next()
        if self._frame is None:
            self.close()
            raise UserError(f"{path}: expected a film with pictures, got none that can be decoded")
        self.begin_s = _time_s(self._frame)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def cut_out(self, cuts: Sequence[Cut]) -> list[bytes | None]:
        """Return a JPEG for each cut, None where the film has no such frame or nothing of it lies in the box.

        Args:
            cuts: In any order. They are cut in the order of their times, so this is called once.
        """
        found: list[bytes | None] = [None] * len(cuts)
        for index in sorted(range(len(cuts)), key=lambda index: cuts[index].time_s):
            picture = self._at(cuts[index].time_s)
            found[index] = None if picture is None else _jpeg(picture, cuts[index])
        return found

    def _at(self, time_s: float) -> BgrImage | None:
        """Return the frame of a time that is not before the last one, None if there is none."""
        if self._frame is not None and time_s - _time_s(self._frame) > SEEK_S and self._stream.time_base is not None:
            self._container.seek(int(time_s / self._stream.time_base), stream=self._stream)
            self._decoded = self._container.decode(self._stream)
            self._frame = self._next()
        while self._frame is not None and _time_s(self._frame) < time_s - ROUNDING_S:
            self._frame = self._next()
        if self._frame is None or _time_s(self._frame) > time_s + ROUNDING_S:
            return None
        return np.asarray(self._frame.to_ndarray(format="bgr24"), np.uint8)

    def _next(self) -> VideoFrame | None:
        try:
            return next(self._decoded, None)
        except FFmpegError:  # what cannot be decoded has no pictures
            return None


def _time_s(frame: VideoFrame) -> float:
    return float(frame.time or 0.0)


def _jpeg(picture: BgrImage, cut: Cut) -> bytes | None:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (round(share * side) for share, side in zip(cut.box, (width, height, width, height), strict=True))
    part = picture[y0:y1, x0:x1]
    if not part.size:
        return None
    scale = min(1.0, cut.side / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg)
