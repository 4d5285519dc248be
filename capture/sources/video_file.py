"""A video file as a source."""

from __future__ import annotations

from pathlib import Path

import cv2

from capture.sources.clock import Clock
from capture.sources.source import FILE, READ_TIMEOUT_S, Source, SourceFrame
from common.errors import SourceError, SourceLostError

FALLBACK_FPS = 30.0


class FileSource:
    """Play a video file at its own rate, once or in a loop.

    Raises:
        SourceError: There is no such file, or no frame of it can be decoded.
    """

    name, notice = FILE, ""

    def __init__(self, path: Path, once: bool) -> None:
        if not path.is_file():
            raise SourceError(f"--source: expected a video file, got {path}, which is not there; check the path")
        self._path, self._once = path, once
        self._capture = cv2.VideoCapture(str(path))
        fps = self._capture.get(cv2.CAP_PROP_FPS) if self._capture.isOpened() else 0.0
        if not self._capture.isOpened() or not self._capture.grab():
            raise SourceError(
                f"--source: expected a video that can be decoded, got {path} ({path.stat().st_size} bytes), "
                "of which no frame can be read; check it with another player"
            )
        self._rewind()
        self._clock = Clock(fps if 1 <= fps <= 240 else FALLBACK_FPS)
        self._index = 0  # of the next frame that grab() decodes
        self.read_timeout_s = READ_TIMEOUT_S + 1 / self._clock.fps
        self.description = f"{path} at {self._clock.fps:.2f} frames a second"

    def read(self) -> SourceFrame | None:
        """See Source."""
        while self._index < self._clock.due():  # late: skip the frame
            if not self._grab():
                return None
            self._index += 1
        self._clock.wait_ahead_of(self._index)
        if not self._grab():
            return None
        ok, picture = self._capture.retrieve()
        if not ok:
            raise SourceError(f"--source: frame {self._index} of {self._path} cannot be decoded")
        due_ns = self._clock.wait_for(self._index)
        self._index += 1
        return SourceFrame(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return FileSource(self._path, self._once)

    def close(self) -> None:
        """See Source."""
        self._capture.release()

    def _grab(self) -> bool:
        """Advance to the next frame; at the end of a looped file to the first. False at the end."""
        if self._capture.grab():
            return True
        if self._once:
            return False
        self._rewind()
        if not self._capture.grab():
            raise SourceLostError(f"{self.name} cannot be read any more; was it moved?")
        return True

    def _rewind(self) -> None:
        self._capture.release()
        self._capture.open(str(self._path))  # seeking to 0 is not exact in every container
