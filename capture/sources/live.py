"""A camera as a source."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from capture.frozen_stream import FrozenStreamDetector
from capture.settings import CaptureSettings
from capture.sources.source import CAMERA, READ_TIMEOUT_S, SourceFrame
from common.errors import SourceError, SourceLostError

log = logging.getLogger("onlyme")


class LiveSource:
    """Read a camera.

    Args:
        name: Name that everybody may read.
        shown: Name for the log.
        capture: The opened camera.
        missing: Text of the SourceError if it delivers nothing.
        reopen: Opens it again.
        node: Device file, if there is one. It disappears when the camera is unplugged.

    Raises:
        SourceError: The camera cannot be opened, or delivers nothing.
    """

    notice = ""
    read_timeout_s = READ_TIMEOUT_S

    def __init__(
        self,
        name: str,
        shown: str,
        capture: cv2.VideoCapture,
        *,
        missing: str,
        reopen: Callable[[], LiveSource],
        node: Path | None = None,
    ) -> None:
        self.name, self._capture, self._node, self._index = name, capture, node, 0
        self.reopen = reopen
        self._frozen = FrozenStreamDetector()
        if not capture.isOpened() or not capture.grab():
            capture.release()
            raise SourceError(missing)
        got = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.description = (
            f"{shown}, given {got[0]} x {got[1]} at {capture.get(cv2.CAP_PROP_FPS):g} frames a second, "
            f"{_fourcc(capture)} through {capture.getBackendName()}"
        )

    def read(self) -> SourceFrame | None:
        """See Source."""
        ok, picture = self._capture.read()
        now_ns = time.monotonic_ns()
        if not ok:
            unplugged = self._node is not None and not self._node.exists()
            raise SourceLostError(f"{self.name} {'was unplugged' if unplugged else 'stopped delivering; check it'}")
        if why := self._frozen.check(picture, self._capture.get(cv2.CAP_PROP_POS_MSEC), now_ns):
            raise SourceLostError(f"{self.name} {why}")
        self._index += 1
        return SourceFrame(picture, self._index - 1, now_ns)

    def close(self) -> None:
        """See Source."""
        self._capture.release()


def open_camera(number: int, settings: CaptureSettings) -> LiveSource:
    """Open camera `number`, and request size, rate and MJPG (USB 2 cannot carry raw 720p at 30 frames a second).

    Raises:
        SourceError: There is no such camera, or it delivers nothing.
    """
    wanted = f"{settings.width} x {settings.height} at {settings.fps:g}"
    missing = f"--source: expected a camera at camera:{number}, got none that delivers; check it, or use --source demo"
    node = Path(f"/dev/video{number}")
    if not node.exists():
        raise SourceError(missing)  # avoids warnings of OpenCV
    capture = cv2.VideoCapture(number, cv2.CAP_ANY)
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    shown = f"camera {number}"
    log.info("%s: requested %s MJPG", shown, wanted)
    return LiveSource(CAMERA, shown, capture, missing=missing, reopen=lambda: open_camera(number, settings), node=node)


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    text = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return text if text.isprintable() else "unknown format"
