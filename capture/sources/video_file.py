"""A video file as a source."""

from __future__ import annotations

import os
from pathlib import Path

from capture.sources.container import VideoInput
from capture.sources.paced import PacedSource
from capture.sources.source import FILE, Source
from common.errors import SourceError
from common.readable import readable


def open_file(path: Path, once: bool) -> Source:
    """Open a video file, to be played at its own pace, once or in a loop.

    Raises:
        SourceError: There is no such file, no picture of it can be decoded, or it has too few pictures a second.
    """
    video = open_video(path)
    return PacedSource(FILE, str(path), video, lambda: _input_of(path), lambda: open_file(path, once), once=once)


def open_video(path: Path) -> VideoInput:
    """Open a video file, to be read picture by picture.

    Raises:
        SourceError: There is no such file, or no picture of it can be decoded.
    """
    with readable("--source", path, SourceError):
        is_file = path.is_file()
    if not is_file:
        raise SourceError(f"--source: expected a video file, got {path}, which is not there; check the path")
    try:
        return _input_of(path)
    except SourceError as error:
        raise SourceError(
            f"--source: expected a video that can be decoded, got {path} ({path.stat().st_size} bytes), "
            f"of which no frame can be read ({error}); check it with another player"
        ) from None


def _input_of(path: Path) -> VideoInput:
    return VideoInput("file:" + os.fspath(path), FILE, is_network=False)  # so that no name is taken for an address
