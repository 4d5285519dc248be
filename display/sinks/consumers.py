"""Notices which programs have a device open. The kernel says when one opens or closes it (inotify(7)), and only then they are looked for."""

from __future__ import annotations

import ctypes
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from common.runtime.holders import holders_of_file

IN_CLOSE, IN_OPEN = 0x08 | 0x10, 0x20  # linux/inotify.h
SETTLE_S = 0.1  # a program that lists the cameras has each open for a moment, and looks at none

log = logging.getLogger("onlyme")


class DeviceConsumers:
    """Knows whether another process has a device open, as far as this user may see.

    Where the kernel has no watch left (fs.inotify.max_user_instances), one line says so, and somebody counts as there for ever.

    Args:
        device: Its device file.
    """

    def __init__(self, device: Path) -> None:
        self._device, self._names = device, ""
        self._look_at: float | None = 0.0
        self._fd: int | None = None
        try:
            self._fd = _watch(device)
        except OSError as error:
            log.warning("%s: nobody can tell who uses it (%s), so the camera stays on", device, error.strerror or error)

    def are_there(self) -> bool:
        """Return whether another process has the device open, and has had it for a moment."""
        if self._fd is None:
            return True
        now = time.monotonic()
        if _has_events(self._fd) and self._look_at is None:
            self._look_at = now + SETTLE_S
        if self._look_at is not None and now >= self._look_at:
            self._look_at = None
            before, self._names = self._names, holders_of_file(self._device)
            if self._names != before:
                log.info("%s is used by %s", self._device, self._names or "nobody any more")
        return bool(self._names)

    def close(self) -> None:
        """Release the watch."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _watch(path: Path) -> int:
    """Return a descriptor that can be read once a file was opened or closed.

    Raises:
        OSError: The kernel gives none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(path), IN_OPEN | IN_CLOSE) >= 0:
        return fd
    number = ctypes.get_errno()
    if fd >= 0:
        os.close(fd)
    raise OSError(number, os.strerror(number))


def _has_events(fd: int) -> bool:
    """Read all events of a descriptor; return whether there were any."""
    found = False
    with suppress(BlockingIOError):
        while os.read(fd, 4096):
            found = True
    return found
