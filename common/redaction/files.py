"""Finds the recordings in folders, and names their outputs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.error import FFmpegError
from av.stream import Disposition

KEPT = {".mp4": ".mp4", ".m4v": ".mp4", ".mov": ".mov", ".mkv": ".mkv"}  # suffix of a source → of its output
CODECS_OF_WEBM = ("vp9",)
OTHERWISE = ".mkv"  # which holds every kind of pictures, sound and subtitles
# files of these names are taken for films even where they cannot be opened: a damaged one must be said, not left out
NAMES = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".wmv",
    ".flv",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".m2ts",
    ".3gp",
    ".ogv",
)
NO_FILMS = ("image2", "tty")  # formats that FFmpeg reads pictures and any text by


def frames_in(path: Path) -> int | None:
    """Return how many frames a video file announces, 0 where it does not say; None where it is no video file."""
    if not path.is_file():  # a pipe would keep the command waiting
        return None
    try:
        # "file:", so that no name is taken for an address
        with av.open("file:" + os.fspath(path), metadata_errors="replace") as container:
            names = container.format.name.split(",")
            if any(name in NO_FILMS or name.endswith("_pipe") for name in names):
                return None
            films = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
            if not films:
                return None
            if films[0].frames:
                return int(films[0].frames)
            return round((container.duration or 0) / 1_000_000 * float(films[0].average_rate or 0))
    except (FFmpegError, OSError, ValueError):
        return None


def recordings_in(folder: Path, leave_out: Path) -> Iterator[Path]:
    """Yield the video files of a folder and of those in it, by name, but nothing hidden and nothing inside `leave_out`.

    What is called a video file and cannot be opened is one too.

    Raises:
        OSError: The folder cannot be read.
    """
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path == leave_out or (path.is_dir() and path.is_symlink()):
            continue
        if path.is_dir():
            yield from recordings_in(path, leave_out)
        elif path.suffix.lower() in NAMES or frames_in(path) is not None:
            yield path


def output_names(sources: Sequence[Path], codec: str) -> dict[Path, Path]:
    """Return the name of the output of each source, both relative to their folders.

    The name is kept, and so is a suffix whose container can hold the codec. Sources that differ in nothing but the suffix
    keep all of their name, since files beside the outputs are named after the part without it.
    """
    kept = {**KEPT, ".webm": ".webm"} if codec in CODECS_OF_WEBM else KEPT
    number = Counter(path.with_suffix("") for path in sources)
    named = {}
    for path in sources:
        suffix = kept.get(path.suffix.lower(), OTHERWISE)
        is_alone = number[path.with_suffix("")] == 1
        named[path] = path.with_suffix(suffix) if is_alone else path.with_name(f"{path.name}{suffix}")
    return named
