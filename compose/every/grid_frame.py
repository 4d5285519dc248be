"""A frame of a recording while it waits for its judgement: its picture, the picture on the grid, and its motion both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from common.ipc.records import FrameInfo
from common.vision.arrays import BgrImage, GrayImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.every.looks import Look
from compose.who.flow import Flow, FlowMeter
from compose.who.region import PresentFrame, grid_wh, sampled
from compose.who.region_state import GridBox


@dataclass
class GridFrame:
    """One frame.

    frame: Describes it.
    pyramid: The picture.
    small: (h, w, 3) uint8 BGR, halved for as long as it is much wider than the grid.
    least: (h, w, 3) uint8 BGR on the grid.
    grey: The same, (h, w) uint8.
    is_cut: The first frame of another shot: nothing is known of it from the frame before.
    from_before: Motion since the frame before, None if there is none in this shot.
    from_after: Motion from the next frame back to this one, the same way; set when that comes.
    look: What a look at it found, None where nobody looked.
    likely, box: The matte's probability, (144, 256) uint8, and the box of the grid that it is of; None where it was not run.
    """

    frame: FrameInfo
    pyramid: ImagePyramid
    small: BgrImage
    least: BgrImage
    grey: GrayImage
    is_cut: bool
    from_before: Flow | None
    from_after: Flow | None = None
    look: Look | None = None
    likely: SoftMask | None = None
    box: GridBox | None = None

    @property
    def number(self) -> int:
        """The number of the frame."""
        return self.frame.frame_id

    def without_picture(self) -> GridFrame:
        """Return the frame without what is needed to show it or to run the matte."""
        nothing = np.zeros((1, 1, 3), np.uint8)
        return replace(self, pyramid=ImagePyramid(nothing), small=nothing, least=nothing)

    def present(self, frame_id: int, captured_ns: int, flow: Flow | None, since: int) -> PresentFrame:
        """Return the frame as a pass through the recording sees it.

        Args:
            frame_id: Its number in that pass.
            captured_ns: Its time in that pass.
            flow: Motion since the frame before it in that pass.
            since: Number of that frame in the pass.
        """
        return PresentFrame(frame_id, captured_ns, self.pyramid.picture, self.small, self.grey, flow, since)


class GridFrames:
    """Makes the grid frames of a recording, one after the other."""

    def __init__(self) -> None:
        self._meter = FlowMeter()
        self._last: GridFrame | None = None

    def add(self, frame: FrameInfo, picture: BgrImage, *, is_cut: bool) -> GridFrame:
        """Return the grid frame of the next picture, (H, W, 3) uint8 BGR, and tell the last one how it moved."""
        pyramid = ImagePyramid(picture)
        small, least = sampled(pyramid, grid_wh((frame.width, frame.height)))
        grey = np.asarray(cv2.cvtColor(least, cv2.COLOR_BGR2GRAY), np.uint8)
        flows = self._meter.measure_both(grey)
        before, after = (None, None) if flows is None or is_cut else flows
        now = GridFrame(frame, pyramid, small, least, grey, is_cut, before)
        if self._last is not None:
            self._last.from_after = after
        self._last = now
        return now
