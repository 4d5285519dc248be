"""Opens the source that `--source` names."""

from __future__ import annotations

import re
from pathlib import Path

import cv2

from capture.settings import CaptureSettings
from capture.sources.demo import DemoSource
from capture.sources.image_folder import FolderSource
from capture.sources.live import open_address, open_camera
from capture.sources.source import CAMERA, DEMO, FILE, FOLDER, NETWORK_CAMERA, Source
from capture.sources.video_file import FileSource
from common.errors import SourceError
from common.runtime.environment import quiet_ffmpeg

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
    if source == "auto" or re.fullmatch(r"camera:\d{1,3}", source):
        return CAMERA
    try:
        return FOLDER if Path(source).expanduser().is_dir() else FILE
    except (OSError, RuntimeError) as error:  # RuntimeError: "~" of a user without a home folder
        why = error.strerror if isinstance(error, OSError) else "nobody knows that home folder"
        raise SourceError(
            f"--source: expected a file or folder that you may read, got {source} ({why}); check the path"
        ) from None


def open_auto(settings: CaptureSettings) -> Source:
    """Open camera 0. If there is none, open the demo scene with a notice in the picture."""
    try:
        return open_camera(0, settings)
    except SourceError:
        return DemoSource(settings, notice="no camera: demo footage")


def open_source(settings: CaptureSettings) -> Source:
    """Open the source that `--source` names.

    Raises:
        SourceError: It cannot be opened.
        AssetError: The portraits of the demo cannot be fetched.
    """
    text = settings.source
    quiet_ffmpeg()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # we report failures in one line of our own
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
