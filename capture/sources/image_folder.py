"""A folder of images as a source."""

from __future__ import annotations

from pathlib import Path

from capture.sources.clock import Clock
from capture.sources.source import FOLDER, READ_TIMEOUT_S, Source, SourceFrame
from common.errors import SourceError
from common.readable import readable
from common.vision.images import read_image

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class FolderSource:
    """Play the images of a folder in the order of their names, without those whose names begin with a dot: a Mac leaves
    `._IMG.jpg` files, which are no images, beside what it copies.

    Raises:
        SourceError: The folder holds no image, or may not be read.
    """

    name, notice = FOLDER, ""

    def __init__(self, folder: Path, fps: float, once: bool) -> None:
        with readable("--source", folder, SourceError):
            self._files = sorted(
                p for p in folder.iterdir() if p.suffix.lower() in IMAGES and not p.name.startswith(".")
            )
        if not self._files:
            raise SourceError(f"--source: expected images ({', '.join(sorted(IMAGES))}) in {folder}, got none")
        self._folder, self._once = folder, once
        self._clock = Clock(fps)
        self._index = 0
        self.read_timeout_s = READ_TIMEOUT_S + 1 / fps
        self.description = f"{len(self._files)} images of {folder} at {fps:g} frames a second"

    def read(self) -> SourceFrame | None:
        """See Source."""
        self._index = max(self._index, self._clock.due())
        if self._once and self._index >= len(self._files):
            return None
        self._clock.wait_ahead_of(self._index)
        file = self._files[self._index % len(self._files)]
        with readable("--source", file, SourceError):
            picture = read_image(file)
        if picture is None:
            raise SourceError(f"--source: expected an image that can be decoded, got {file}; remove or replace it")
        due_ns = self._clock.wait_for(self._index)
        self._index += 1
        return SourceFrame(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return FolderSource(self._folder, self._clock.fps, self._once)

    def close(self) -> None:
        """Do nothing: no file is open between two frames."""
