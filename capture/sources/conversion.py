"""Converts the decoded frames of a video stream to pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from capture.sources.upright import Turn, turn_of, turned, width_of_square_pixels
from common.vision.arrays import BgrImage

TINY = 16  # pixels


class FrameConverter:
    """Convert the frames of one stream. Each has its own size and pixel format; both may change from one to the next.

    Args:
        stream: The stream, which knows the shape of its pixels.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._reformatter = VideoReformatter()  # that of a frame would be made anew for each
        self._rotation: int | None = None
        self._turn = Turn()

    def picture(self, frame: VideoFrame) -> BgrImage:
        """Return a frame upright and with square pixels, (H, W, 3) uint8 BGR. The caller owns it."""
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        width = width_of_square_pixels(frame.width, aspect)
        converted = self._reformatter.reformat(frame, width=width, format="bgr24", threads=1)
        if frame.rotation != self._rotation:
            self._rotation, self._turn = frame.rotation, _turn_of(frame)
        return turned(np.asarray(converted.to_ndarray(), np.uint8), self._turn)


def _turn_of(frame: VideoFrame) -> Turn:
    # a frame whose side data was read is in a circle of references and freed late, so they are read from a tiny copy
    tiny = frame.reformat(width=TINY, height=TINY, threads=1)
    matrix = cast(Mapping[str, SideData], tiny.side_data).get("DISPLAYMATRIX")
    return Turn() if matrix is None else turn_of(bytes(matrix))
