"""Reads the source in a thread, so that a device that blocks never blocks the loop, and reopens the source when it fails."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from capture.sources.source import Source, SourceFrame
from common.errors import SourceError, SourceLostError

log = logging.getLogger("onlyme")

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 4.0
LET_GO_S = 1.0  # a thread that holds the device for longer is blocked by it
BACKOFF_RESET_S = 10.0  # after so long without a failure the back-off starts small again


class SourceFailure(NamedTuple):
    """The source stopped delivering, and is being reopened."""

    reason: str


class SourceReader:
    """Keep the newest frame of a source. `fileno()` becomes readable when `poll` has something new.

    Args:
        open_source: Opens the source. Called in the thread.
        name: What the source is called if it cannot be opened; everybody in the call may read it.
        retry_open: Retry if the source cannot be opened at first, because it could be before a restart. Otherwise that
            is the user's mistake.
        paused: Leave the source closed until `resume`.
    """

    def __init__(
        self, open_source: Callable[[], Source], name: str, retry_open: bool = False, paused: bool = False
    ) -> None:
        self._open, self._name = open_source, name
        self.is_paused = paused
        self._thread = threading.Thread()  # of the present session; before the first one it is none that runs
        self._retry_open = retry_open
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._session = 0  # a thread of an earlier session delivers nothing any more
        self._closing = threading.Event()
        self._frame: SourceFrame | None = None
        self._failure: SourceFailure | None = None
        self._source: Source | None = None
        self._error: BaseException | None = None
        self._delivered_at: float | None = None
        self._ended = False
        self._backoff_s = FIRST_BACKOFF_S
        self.overwritten = 0  # frames that were replaced before they were taken

    def __enter__(self) -> Self:
        if not self.is_paused:
            self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(0.5)  # a thread that a device blocks ends with the process

    def fileno(self) -> int:
        """Return the file descriptor to poll."""
        return self._wake_r

    @property
    def source(self) -> Source | None:
        """The source while it is open."""
        return self._source

    @property
    def ended(self) -> bool:
        """True once the source reached its end and its last frame was taken. After a failure `poll` raises instead."""
        return self._ended and self._frame is None and self._error is None

    def poll(self) -> SourceFrame | SourceFailure | None:
        """Return what is new since the last call: a failure first, else the newest frame, else None.

        Raises:
            SourceError: The source cannot be opened or read, and never could.
        """
        if select.select([self._wake_r], [], [], 0)[0]:
            os.read(self._wake_r, 4096)
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._failure is not None:
                failure, self._failure = self._failure, None
                return failure
            frame, self._frame = self._frame, None
            return frame

    def check_timeout(self, now: float) -> None:
        """Abandon a read that takes longer than the source allows, and reopen the source in a new thread."""
        source, delivered_at = self._source, self._delivered_at
        if source is None or delivered_at is None or self._ended or now - delivered_at <= source.read_timeout_s:
            return
        self.restart(f"{source.name}: nothing came for {source.read_timeout_s:.0f} s")

    def restart(self, reason: str) -> None:
        """If the source is open, report a failure and reopen it in a new thread. The old thread delivers nothing more."""
        if self._source is not None and not self._ended:
            self._report(self._session, reason)
            self._start()

    def pause(self) -> None:
        """Have the source closed, by its thread once the read that goes on has returned. Nothing more is delivered."""
        self.is_paused = True
        with self._lock:
            self._session += 1
            self._source = self._delivered_at = self._frame = self._failure = None

    def resume(self) -> None:
        """Open the source again after `pause`, once it is closed: two openings of a camera at once would fail."""
        self.is_paused = False
        self._start(self._thread)

    def _start(self, after: threading.Thread | None = None) -> None:
        with self._lock:
            self._session += 1
            self._source = self._delivered_at = None
        self._thread = threading.Thread(target=self._run, args=(self._session, after), name="reader", daemon=True)
        self._thread.start()

    def _run(self, session: int, after: threading.Thread | None) -> None:
        if after is not None and after.is_alive():
            after.join(LET_GO_S)
        try:
            while self._is_current(session):
                try:
                    if self._read_all(session):
                        self._finish(session)
                        break
                except SourceLostError as lost:
                    self._report(session, str(lost))
                self._closing.wait(self._backoff_s)
                self._backoff_s = min(LONGEST_BACKOFF_S, self._backoff_s * 2)
        except BaseException as error:
            self._finish(session, error)

    def _read_all(self, session: int) -> bool:
        """Open the source and deliver its frames. Returns True if it reached its end.

        Raises:
            SourceLostError: It fails, though it could be read before.
            SourceError: It cannot be opened or read at all.
        """
        try:
            source = self._open()
        except SourceError as error:
            if self._retry_open:
                log.info("%s", error)
                raise SourceLostError(f"{self._name} cannot be opened") from None
            raise
        opened_at = time.monotonic()
        try:
            while self._is_current(session):
                frame = source.read()
                if frame is None:
                    return True
                self._deliver(session, source, frame)
                del frame  # frees its memory as soon as it is published: the next frame needs it
                if time.monotonic() - opened_at > BACKOFF_RESET_S:
                    self._backoff_s = FIRST_BACKOFF_S
        finally:
            source.close()
        return False

    def _finish(self, session: int, error: BaseException | None = None) -> None:
        """Mark the source as ended, or make `poll` raise `error`."""
        with self._lock:
            if session != self._session:
                return
            self._error, self._ended = error, error is None
        self._wake()

    def _is_current(self, session: int) -> bool:
        return session == self._session and not self._closing.is_set()

    def _deliver(self, session: int, source: Source, frame: SourceFrame) -> None:
        with self._lock:
            if session != self._session:
                return
            self.overwritten += self._frame is not None
            self._frame, self._source, self._delivered_at = frame, source, time.monotonic()
            self._open, self._retry_open = source.reopen, True
        self._wake()

    def _report(self, session: int, reason: str) -> None:
        with self._lock:
            if session != self._session:
                return
            self._frame, self._source, self._delivered_at = None, None, None
            self._failure = SourceFailure(reason)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full, so the loop will wake up anyway
            os.write(self._wake_w, b"\0")
