"""A camera as a source."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from capture.cameras import MJPG, UNKNOWN_FORMAT, camera_name, camera_number, difference, why_unusable
from capture.frozen_stream import FrozenStreamDetector
from capture.settings import CaptureSettings
from capture.sources.source import CAMERA, READ_TIMEOUT_S, SourceFrame
from common.errors import SourceError, SourceLostError
from common.runtime.install import LIST_COMMAND

log = logging.getLogger("onlyme")


class LiveSource:
    """Read a camera.

    Args:
        node: Device file. It disappears when the camera is unplugged.
        capture: The opened camera.
        reopen: Opens it again.

    Raises:
        SourceError: The camera cannot be opened, or delivers nothing.
    """

    name, notice = CAMERA, ""
    read_timeout_s = READ_TIMEOUT_S

    def __init__(self, node: Path, capture: cv2.VideoCapture, reopen: Callable[[], LiveSource]) -> None:
        self._node, self._capture, self._index = node, capture, 0
        self.reopen = reopen
        self._frozen = FrozenStreamDetector()
        if not capture.isOpened() or not capture.grab():
            capture.release()
            raise unusable(node)
        width, height, fps, fourcc = format_of(capture)
        self.description = (
            f"{camera_name(node)}, given {width} x {height} at {fps:g} frames a second, "
            f"{fourcc} through {capture.getBackendName()}"
        )

    def read(self) -> SourceFrame | None:
        """See Source."""
        ok, picture = self._capture.read()
        now_ns = time.monotonic_ns()
        if not ok:
            why = "stopped delivering; check it" if self._node.exists() else "was unplugged"
            raise SourceLostError(f"{self.name} {why}")
        if why := self._frozen.check(picture, self._capture.get(cv2.CAP_PROP_POS_MSEC), now_ns):
            raise SourceLostError(f"{self.name} {why}")
        self._index += 1
        return SourceFrame(picture, self._index - 1, now_ns)

    def close(self) -> None:
        """See Source."""
        self._capture.release()


def format_of(capture: cv2.VideoCapture) -> tuple[int, int, float, str]:
    """Return width and height in pixels, frames a second (0 if unknown), and the pixel format that a camera gives."""
    width, height = (int(capture.get(name)) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    return width, height, capture.get(cv2.CAP_PROP_FPS), _fourcc(capture)


def unusable(node: Path) -> SourceError:
    """Return the error of a device file that no picture comes from."""
    return SourceError(
        f"--source: expected a camera at {camera_name(node)}, got {why_unusable(node)}, or use --source demo"
    )


def open_camera(node: Path, settings: CaptureSettings) -> LiveSource:
    """Open the camera at a device file, and request size, rate and MJPG (USB 2 cannot carry raw 720p at 30 frames a second).

    Raises:
        SourceError: There is no such camera, it may not be opened, or it delivers nothing.
    """
    number = camera_number(node)
    if number is None or not node.exists():
        raise unusable(node)  # avoids warnings of OpenCV
    capture = cv2.VideoCapture(number, cv2.CAP_ANY)
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*MJPG))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    source = LiveSource(node, capture, lambda: open_camera(node, settings))
    asked = (settings.width, settings.height, settings.fps, MJPG)
    if said := difference(asked, format_of(capture)):
        log.warning("%s: %s; %s names what it has", camera_name(node), said, LIST_COMMAND)
    return source


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    text = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return text if text.isprintable() else UNKNOWN_FORMAT
