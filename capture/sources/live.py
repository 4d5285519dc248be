"""A camera or a network stream as a source."""

from __future__ import annotations

import logging
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import cv2

from capture.frozen_stream import StillWatch
from capture.sources.source import CAMERA, NETWORK_CAMERA, PATIENCE_S, Shot
from common.config import CaptureSettings
from common.errors import SourceError, SourceLostError

OPEN_TIMEOUT_MS, READ_TIMEOUT_MS = 5000, 5000
SCHEMES = ("rtsp", "rtsps", "http", "https")

log = logging.getLogger("onlyme")


class LiveSource:
    """A camera or a network stream: whatever it delivers, when it delivers it.

    Args:
        name: What everybody may read.
        shown: What the log may say.
        capture: Open.
        missing: What to say where it delivers nothing.
        reopen: Opens it once more.
        node: The device's file, if it has one: gone where it was unplugged.

    Raises:
        SourceError: It does not open, or delivers nothing.
    """

    notice = ""
    patience_s = PATIENCE_S

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
        self._still = StillWatch()
        if not capture.isOpened() or not capture.grab():
            capture.release()
            raise SourceError(missing)
        got = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.description = (
            f"{shown}, given {got[0]} x {got[1]} at {capture.get(cv2.CAP_PROP_FPS):g} frames a second, "
            f"{_fourcc(capture)} through {capture.getBackendName()}"
        )

    def read(self) -> Shot | None:
        """See Source."""
        ok, picture = self._capture.read()
        now_ns = time.monotonic_ns()
        if not ok:
            unplugged = self._node is not None and not self._node.exists()
            raise SourceLostError(f"{self.name} {'was unplugged' if unplugged else 'stopped delivering; check it'}")
        if why := self._still.look(picture, self._capture.get(cv2.CAP_PROP_POS_MSEC), now_ns):
            raise SourceLostError(f"{self.name} {why}")
        self._index += 1
        return Shot(picture, self._index - 1, now_ns)

    def close(self) -> None:
        """See Source."""
        self._capture.release()


def open_camera(number: int, settings: CaptureSettings) -> LiveSource:
    """Camera `number` with size, rate and MJPG asked for (raw 720p does not fit through USB 2 at 30 a second)."""
    wanted = f"{settings.width} x {settings.height} at {settings.fps:g}"
    missing = f"--source: expected a camera at camera:{number}, got none that delivers; check it, or use --source demo"
    node = Path(f"/dev/video{number}")
    if not node.exists():
        raise SourceError(missing)  # spare the user OpenCV's own warnings
    capture = cv2.VideoCapture(number, cv2.CAP_ANY)
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    shown = f"camera {number}"
    log.info("%s: asked for %s MJPG", shown, wanted)
    return LiveSource(CAMERA, shown, capture, missing=missing, reopen=lambda: open_camera(number, settings), node=node)


def open_address(address: str) -> LiveSource:
    """A network stream, with time limits on opening and reading.

    Raises:
        SourceError: It is no address of a stream, does not open, or delivers nothing.
    """
    scheme = address.partition("://")[0]
    if scheme.lower() not in SCHEMES:
        raise SourceError(f"--source: expected an address of {', '.join(SCHEMES)}, got one of {scheme}; check it")
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    shown = origin_of(address)
    return LiveSource(
        NETWORK_CAMERA,
        shown,
        cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits),
        missing=f"--source: expected a stream at {shown}, got none that delivers; check the address and that it is served",
        reopen=lambda: open_address(address),
    )


def origin_of(address: str) -> str:
    """Return scheme and host of an address, such as "rtsp://192.168.1.9": no user, password, port, path or query.

    Where a password holds a slash, what follows it looks like a path with an @ in it. Nobody can tell then where the host
    begins, so only the scheme is said.
    """
    scheme, _, rest = address.partition("://")
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.hostname
    except ValueError:  # no such IPv6 address
        host = None
    if not host or "@" in rest[len(parts.netloc) :]:
        return f"{scheme}://..."
    return f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    text = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return text if text.isprintable() else "unknown format"
