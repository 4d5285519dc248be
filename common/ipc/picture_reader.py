"""Reads the pictures that messages name out of their ring, and counts those that are not there any more."""

from __future__ import annotations

from collections.abc import Callable

from common.errors import RingGoneError
from common.ipc.records import FrameInfo
from common.ipc.ring import RingCache
from common.metrics.counters import Counters
from common.vision.arrays import BgrImage


class PictureReader:
    """Reads pictures.

    Args:
        what: What the counters call a picture.
        counters: Count pictures whose ring is gone, or that were overwritten.
    """

    def __init__(self, what: str, counters: Counters) -> None:
        self._what, self._counters = what, counters
        self._ring = RingCache()
        self._buffer: BgrImage | None = None

    def read(self, frame: FrameInfo) -> BgrImage | None:
        """Return the picture of `frame`, (H, W, 3) uint8 BGR, which the caller may change until the next call; None, and counted,
        if it is not there."""
        picture = self._counted(lambda: self._ring.read(frame.segment, frame.sequence, frame.shape, self._buffer))
        self._buffer = self._buffer if picture is None else picture
        return picture

    def read_reduced(self, frame: FrameInfo, least_wh: tuple[float, float]) -> BgrImage | None:
        """Return the picture of `frame` as `RingReader.read_reduced` does; None, and counted, if it is not there."""
        return self._counted(
            lambda: self._ring.read_reduced(frame.segment, frame.sequence, frame.shape, least_wh),
        )

    def _counted(self, read: Callable[[], BgrImage | None]) -> BgrImage | None:
        try:
            picture = read()
        except RingGoneError as error:
            self._counters.count(self._what, "segment gone", str(error))
            return None
        if picture is None:
            self._counters.count(self._what, "lapped")
        return picture
