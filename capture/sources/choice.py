"""Opens the source that `--source` names."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import cv2

from capture.cameras import camera_node
from capture.settings import CaptureSettings
from capture.sources.demo import DemoSource
from capture.sources.image_folder import FolderSource
from capture.sources.live import open_camera, unusable
from capture.sources.network import open_address
from capture.sources.source import CAMERA, DEMO, FILE, FOLDER, NETWORK_CAMERA, Source
from capture.sources.video_file import open_file
from capture.v4l2 import DEV
from common.errors import SourceError
from common.readable import readable

log = logging.getLogger("onlyme")

ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def name_of(source: str) -> str:
    """Return the name that everybody may read, see capture/sources/source.py, for a value of `--source`.

    Raises:
        SourceError: It is a path that cannot be looked at.
    """
    if source == "demo":
        return DEMO
    if ADDRESS.match(source):
        return NETWORK_CAMERA
    if source == "auto" or camera_node(source):
        return CAMERA
    try:
        return FOLDER if Path(source).expanduser().is_dir() else FILE
    except OSError:  # open_source says why
        return FILE
    except RuntimeError:
        raise SourceError(
            f"--source: expected a path whose home folder is known, got {source}; write the whole path"
        ) from None


def check_source(settings: CaptureSettings) -> None:
    """Check what can be known of a source that is opened later, without a camera's light going on.

    Raises:
        SourceError: There is no such camera, or the file or folder cannot be read.
    """
    if name_of(settings.source) in (FILE, FOLDER):
        open_source(settings).close()
    elif (node := camera_node(settings.source)) and not node.exists():
        raise unusable(node)


def open_auto(settings: CaptureSettings) -> Source:
    """Open camera 0. If there is none, open the demo scene with a notice in the picture."""
    try:
        return open_camera(DEV / "video0", settings)
    except SourceError as error:
        if any(DEV.glob("video*")):  # else there is nothing that could be mended
            log.warning("%s", error)
        return DemoSource(settings, notice="no camera: demo footage")


def open_source(settings: CaptureSettings) -> Source:
    """Open the source that `--source` names.

    Raises:
        SourceError: It cannot be opened.
        AssetError: The portraits of the demo cannot be fetched.
    """
    text, once = settings.source, settings.play == "once"
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # we report failures in one line of our own
    if text == "auto":
        return open_auto(settings)
    if text == "demo":
        return DemoSource(settings)
    if node := camera_node(text):
        with readable("--source", node, SourceError):
            return open_camera(node, settings)
    if match := ADDRESS.match(text):
        return open_address(match[1].lower() + text[match.end(1) :], once)  # FFmpeg knows no scheme in capitals
    path = Path(text).expanduser()
    with readable("--source", path, SourceError):
        return FolderSource(path, settings.fps, once) if path.is_dir() else open_file(path, once)
