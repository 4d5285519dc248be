"""The file of a film that is not whole yet."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from common.errors import DisplayError
from common.runtime.named_lock import lock_named
from display.sinks.whole_file import make_writable_folder

PART = ".onlyme.part"  # added to the name


class PartFile:
    """A file that gets its own name when it is whole. Until then it has another one, and two calls never write the same one.

    FFmpeg writes it. It is given no errors: some it forgets, and PyAV prints others. The first one is kept, and `check` raises it.

    Args:
        out: Its name when it is whole.

    Raises:
        DisplayError: It is there already, cannot be made, or another call is writing it.
    """

    def __init__(self, out: Path) -> None:
        self._out, self._path = out, out.with_name(out.name + PART)
        self._failure: OSError | None = None
        self._refuse_existing()
        try:
            make_writable_folder(out.parent)
            self._file = os.fdopen(lock_named(self._path, _opened), "wb", buffering=0)
        except BlockingIOError:
            raise DisplayError(f"--out: another call is writing {out}; name another file") from None
        except OSError as error:
            raise DisplayError(f"--out: cannot write {out} ({error.strerror}); name another file") from None
        try:
            self._refuse_existing()  # again: another call may have given this very file its name before the lock was here
        except DisplayError:
            self.remove()
            raise
        self._file.truncate(0)  # what a call that was killed has left

    def write(self, data: bytes) -> int:
        """Write at the position of the file, unless that has failed before."""
        left = memoryview(data)
        try:
            while left and self._failure is None:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._failure = error
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position, as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    @property
    def closed(self) -> bool:
        """Whether nothing more is written: PyAV asks before it ends a film that nobody has ended."""
        return self._file.closed

    def check(self) -> None:
        """Raise a DisplayError if something could not be written."""
        if self._failure is not None:
            why = self._failure.strerror or type(self._failure).__name__
            raise DisplayError(f"--out: cannot go on writing {self._out} ({why}); make room there, or name another")

    def keep(self) -> None:
        """Give the file its own name.

        Raises:
            DisplayError: It is not whole, or there is another file of that name.
        """
        try:
            os.fsync(self._file.fileno())  # some file systems say only then what they could not write
        except OSError as error:
            self._failure = self._failure or error
        self.check()
        self._refuse_existing()
        try:
            self._path.rename(self._out)  # and only then goes the lock, with the file
        except OSError as error:
            raise DisplayError(
                f"--out: cannot give {self._out} its name ({error.strerror}); was its folder moved or removed?"
            ) from None

    def remove(self) -> None:
        """Remove the file, unless it was kept."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _refuse_existing(self) -> None:
        if self._out.exists():
            raise DisplayError(
                f"--out: expected a file that is not there yet, got {self._out}; name another, or remove it"
            )


def _opened(path: Path) -> int:
    """Open a file, or make it with mode 0600. What lies in its place must not be followed elsewhere and emptied there, or hold up the call.

    Raises:
        OSError: It cannot be opened, or is no plain file.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileExistsError(errno.EEXIST, f"{path.name} is no plain file")
    return fd
