"""Writes files of which a reader finds whole pieces only, also after the disk was full or the process was killed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from common.runtime.private_files import make_folder

T = TypeVar("T")


class WholeFile:
    """A new file that grows by whole pieces. Where a piece cannot be written, what was written of it is cut off.

    Attributes:
        path: Of the file.
        size: Bytes of its whole pieces.

    Raises:
        FileExistsError: There is a file of that name.
        OSError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self._file = path.open("xb", buffering=0)  # a piece goes out in one call, which a kill hardly ever cuts
        self._failure: OSError | None = None

    def append(self, piece: bytes) -> None:
        """Write a piece.

        Raises:
            OSError: It cannot be written, or an earlier one could not: a later piece would follow a gap.
        """
        if self._failure is not None:
            raise self._failure
        left = memoryview(piece)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._failure = error
            self._file.truncate(self.size)
            raise
        self.size += len(piece)

    def close(self) -> None:
        """Close the file, and remove it if it holds no piece."""
        self._file.close()
        if not self.size:
            self.path.unlink(missing_ok=True)


def make_free(path: Path, make: Callable[[Path], T]) -> T:
    """Return what `make` makes of the first of `call.mp4`, `call-2.mp4` and so on for which it raises no FileExistsError."""
    number, candidate = 1, path
    while True:
        try:
            return make(candidate)
        except FileExistsError:
            number += 1
            candidate = path.with_stem(f"{path.stem}-{number}")


def make_writable_folder(folder: Path) -> None:
    """Make a folder if it is missing.

    Raises:
        OSError: It cannot be made, or this user may not write in it.
    """
    make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
