"""A thread that reads the source, so that a device that blocks never keeps the loop from serving its workers."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from capture.sources import Shot, Source


class Reader:
    """Keeps the newest shot only. `fileno()` becomes readable when there is something to take.

    Args:
        open_source: Opens the source, in the thread.
    """

    def __init__(self, open_source: Callable[[], Source]) -> None:
        self._open = open_source
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._shot: Shot | None = None
        self._source: Source | None = None
        self._error: BaseException | None = None
        self._ended = self._closing = False
        self.overwritten = 0
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join(0.5)  # a device that blocks is left to the end of the process

    def fileno(self) -> int:
        """File descriptor to poll."""
        return self._wake_r

    @property
    def source(self) -> Source | None:
        """The source, once it is open."""
        return self._source

    @property
    def ended(self) -> bool:
        """True once the source came to its end and its last shot was taken. A failure is no end: `take` raises it."""
        return self._ended and self._shot is None and self._error is None

    def take(self) -> Shot | None:
        """The newest shot, or None if there is none since the last call.

        Raises:
            SourceError: The source cannot be opened or read.
        """
        if select.select([self._wake_r], [], [], 0)[0]:
            os.read(self._wake_r, 4096)
        with self._lock:
            if self._error is not None:
                raise self._error
            shot, self._shot = self._shot, None
            return shot

    def _run(self) -> None:
        try:
            self._source = self._open()
            try:
                while not self._closing:
                    shot = self._source.read()
                    if shot is None:
                        break
                    self._hand_over(shot)
            finally:
                self._source.close()
        except BaseException as error:  # handed to the loop, which raises it
            with self._lock:
                self._error = error
        self._ended = True
        self._wake()

    def _hand_over(self, shot: Shot) -> None:
        with self._lock:
            self.overwritten += self._shot is not None
            self._shot = shot
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
            os.write(self._wake_w, b"\0")
