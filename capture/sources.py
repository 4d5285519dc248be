"""Sources of frames. Each opens its device or file, waits for the next frame and hands it out; none knows of rings.

A source is used from one thread. File sources keep wall-clock time: the frame that is due *now* is delivered and late
ones are skipped, their numbers too, so the clock is never stretched. Live sources have no index of their own and count
what they read.

A source's `name`, its `notice` and the text of a SourceLostError are seen by everybody in the call: they never say more
than "the file" or "the network camera". Only the log and a SourceError, which ends the call on the
user's own terminal, name a path; of an address they name scheme and host, for the rest may hold a password.
"""

from __future__ import annotations

import logging
import re
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2

from capture.demo import DemoScene
from capture.frozen_stream import StillWatch
from capture.settings import CaptureSettings
from common.errors import SourceError, SourceLostError
from common.runtime.environment import quiet_ffmpeg
from common.vision.arrays import BgrImage

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
FALLBACK_FPS = 30.0
OPEN_TIMEOUT_MS, READ_TIMEOUT_MS = 5000, 5000
PATIENCE_S = 2.0  # how long one read may take
AHEAD = 0.4  # of the time between two frames: a frame is made so much before it is due, as a camera has its own by then

CAMERA, NETWORK_CAMERA, FILE, FOLDER, DEMO = "the camera", "the network camera", "the file", "the folder", "the demo"
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
SCHEMES = ("rtsp", "rtsps", "http", "https")

log = logging.getLogger("onlyme")


class Shot(NamedTuple):
    """One frame as it came: (H, W, 3) uint8 BGR owned by the receiver, its number, and when (CLOCK_MONOTONIC ns)."""

    picture: BgrImage
    source_index: int
    captured_ns: int


class Source(Protocol):
    """What every source can do."""

    name: str  # one of the words above
    description: str  # for the log
    notice: str
    patience_s: float

    def read(self) -> Shot | None:
        """Wait for the next frame; None when the source has come to its end.

        Raises:
            SourceError: What is there cannot be used.
            SourceLostError: It delivered and does so no more; it may come back.
        """

    def reopen(self) -> Source:
        """The same source anew, after `close`. Raises as at first."""

    def close(self) -> None:
        """Let go of the device or file."""


@dataclass
class Clock:
    """Which frame of a file is due: frame n at start + n / fps."""

    fps: float
    started_ns: int | None = None

    def wait_ahead_of(self, index: int) -> None:
        """Wait until frame `index` is soon due: made earlier, it would take the processor from the frame before it."""
        if self.started_ns is not None:
            self._sleep_until(self.started_ns + round((index - AHEAD) * 1e9 / self.fps))

    def wait_for(self, index: int) -> int:
        """Wait until frame `index` is due; returns when that was, or is, in ns."""
        if self.started_ns is None:
            self.started_ns = time.monotonic_ns() - round(index * 1e9 / self.fps)
        due_ns = self.started_ns + round(index * 1e9 / self.fps)
        self._sleep_until(due_ns)
        return due_ns

    @staticmethod
    def _sleep_until(due_ns: int) -> None:
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)

    def due(self) -> int:
        """Number of the frame that is due now."""
        return 0 if self.started_ns is None else int((time.monotonic_ns() - self.started_ns) * self.fps / 1e9)


class FileSource:
    """A video file at its own rate, looped or once.

    Raises:
        SourceError: No such file, or nothing in it can be decoded.
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
        self._index = 0  # of the frame that the next grab() gives
        self.patience_s = PATIENCE_S + 1 / self._clock.fps
        self.description = f"{path} at {self._clock.fps:.2f} frames a second"

    def read(self) -> Shot | None:
        """See Source."""
        while self._index < self._clock.due():  # late: step over without decoding
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
        return Shot(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return FileSource(self._path, self._once)

    def close(self) -> None:
        """See Source."""
        self._capture.release()

    def _grab(self) -> bool:
        """The next frame, over the end of the file if it loops; False at the end."""
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


class FolderSource:
    """A folder of images in the order of their names.

    Raises:
        SourceError: No image in it.
    """

    name, notice = FOLDER, ""

    def __init__(self, folder: Path, fps: float, once: bool) -> None:
        self._files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGES)
        if not self._files:
            raise SourceError(f"--source: expected images ({', '.join(sorted(IMAGES))}) in {folder}, got none")
        self._folder, self._once = folder, once
        self._clock = Clock(fps)
        self._index = 0
        self.patience_s = PATIENCE_S + 1 / fps
        self.description = f"{len(self._files)} images of {folder} at {fps:g} frames a second"

    def read(self) -> Shot | None:
        """See Source."""
        self._index = max(self._index, self._clock.due())
        if self._once and self._index >= len(self._files):
            return None
        self._clock.wait_ahead_of(self._index)
        file = self._files[self._index % len(self._files)]
        picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if picture is None:
            raise SourceError(f"--source: expected an image that can be decoded, got {file}; remove or replace it")
        due_ns = self._clock.wait_for(self._index)
        self._index += 1
        return Shot(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return FolderSource(self._folder, self._clock.fps, self._once)

    def close(self) -> None:
        """Nothing is held open between frames."""


class DemoSource:
    """The demo scene, for a machine without a camera and for tests.

    Args:
        settings: Size and rate.
        notice: What to write into the picture, such as why it is a demo.
    """

    name = DEMO

    def __init__(self, settings: CaptureSettings, notice: str = "") -> None:
        self._settings = settings
        self._scene = DemoScene(settings.width, settings.height, settings.fps)
        self._clock = Clock(settings.fps)
        self._index = 0
        self.notice = notice
        self.patience_s = PATIENCE_S + 1 / settings.fps
        self.description = f"demo scene, {settings.width} x {settings.height} at {settings.fps:g} frames a second"

    def read(self) -> Shot | None:
        """See Source."""
        self._index = max(self._index, self._clock.due())
        self._clock.wait_ahead_of(self._index)
        picture = self._scene.frame(self._index)
        due_ns = self._clock.wait_for(self._index)
        self._index += 1
        return Shot(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return DemoSource(self._settings, self.notice)

    def close(self) -> None:
        """Nothing is held."""


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


def name_of(source: str) -> str:
    """Return what a source that `--source` names is called before everybody."""
    if source == "demo":
        return DEMO
    if ADDRESS.match(source):
        return NETWORK_CAMERA
    if source == "auto" or re.fullmatch(r"camera:\d{1,3}", source):
        return CAMERA
    return FOLDER if Path(source).expanduser().is_dir() else FILE


def open_auto(settings: CaptureSettings) -> Source:
    """Camera 0, else the demo scene, which says so in the picture."""
    try:
        return open_camera(0, settings)
    except SourceError:
        return DemoSource(settings, notice="no camera: demo footage")


def open_source(settings: CaptureSettings) -> Source:
    """The source that `--source` names.

    Raises:
        SourceError: It cannot be opened.
        AssetError: The demo's portraits cannot be fetched.
    """
    text = settings.source
    quiet_ffmpeg()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what cannot be opened is said by us, in one line
    if text == "auto":
        return open_auto(settings)
    if text == "demo":
        return DemoSource(settings)
    if match := re.fullmatch(r"camera:(\d{1,3})", text):
        return open_camera(int(match[1]), settings)
    if ADDRESS.match(text):
        return open_address(text)
    path, once = Path(text).expanduser(), settings.play == "once"
    return FolderSource(path, settings.fps, once) if path.is_dir() else FileSource(path, once)


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    text = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return text if text.isprintable() else "unknown format"
