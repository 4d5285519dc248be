"""A thread that reads the source, so that a device that blocks never keeps the loop from serving its workers, and that
opens the source again when it fails."""

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

from capture.sources.source import Shot, Source
from common.errors import SourceError, SourceLostError

log = logging.getLogger("onlyme")

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 4.0
SOUND_AFTER_S = 10.0  # a source that delivered this long is sound: its next failure is its first


class Lost(NamedTuple):
    """The source delivers nothing any more; it is being opened again."""

    reason: str


class Reader:
    """Keeps the newest shot only. `fileno()` becomes readable when there is something to take.

    Args:
        open_source: Opens the source, in the thread.
        name: What the source is called where it cannot be opened; a word that says nothing about its user.
        patient: Wait for a source that cannot be opened, because it could before. Otherwise that is the user's mistake.
    """

    def __init__(self, open_source: Callable[[], Source], name: str, patient: bool = False) -> None:
        self._open, self._name = open_source, name
        self._patient = patient
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._session = 0  # a thread whose session is over hands nothing over any more
        self._closing = threading.Event()
        self._shot: Shot | None = None
        self._lost: Lost | None = None
        self._source: Source | None = None
        self._error: BaseException | None = None
        self._delivered_at: float | None = None
        self._ended = False
        self._backoff_s = FIRST_BACKOFF_S
        self.overwritten = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(0.5)  # a device that blocks is left to the end of the process

    def fileno(self) -> int:
        """File descriptor to poll."""
        return self._wake_r

    @property
    def source(self) -> Source | None:
        """The source, while it is open."""
        return self._source

    @property
    def ended(self) -> bool:
        """True once the source came to its end and its last shot was taken. A failure is no end: `take` raises it."""
        return self._ended and self._shot is None and self._error is None

    def take(self) -> Shot | Lost | None:
        """What is new since the last call: that the source was lost, else the newest shot, else None.

        Raises:
            SourceError: The source cannot be opened or read, and never could.
        """
        if select.select([self._wake_r], [], [], 0)[0]:
            os.read(self._wake_r, 4096)
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._lost is not None:
                lost, self._lost = self._lost, None
                return lost
            shot, self._shot = self._shot, None
            return shot

    def mind(self, now: float) -> None:
        """Give up a read that does not come back, and open the source anew in another thread."""
        source, delivered_at = self._source, self._delivered_at
        if source is None or delivered_at is None or self._ended or now - delivered_at <= source.patience_s:
            return
        self.begin_anew(f"{source.name}: nothing came for {source.patience_s:.0f} s")

    def begin_anew(self, reason: str) -> None:
        """Lose the source, if it is open, and open it anew in another thread: what this one still reads counts no more."""
        if self._source is not None and not self._ended:
            self._lose(self._session, reason)
            self._start()

    def _start(self) -> None:
        with self._lock:
            self._session += 1
            self._source = self._delivered_at = None
        self._thread = threading.Thread(target=self._run, args=(self._session,), name="reader", daemon=True)
        self._thread.start()

    def _run(self, session: int) -> None:
        try:
            while self._goes_on(session):
                try:
                    if self._read_all(session):
                        self._finish(session)
                        break
                except SourceLostError as lost:
                    self._lose(session, str(lost))
                self._closing.wait(self._backoff_s)
                self._backoff_s = min(LONGEST_BACKOFF_S, self._backoff_s * 2)
        except BaseException as error:
            self._finish(session, error)

    def _read_all(self, session: int) -> bool:
        """Open the source and hand over its shots. Returns True when it came to its end.

        Raises:
            SourceLostError: It fails, though it could be read before.
            SourceError: It cannot be opened or read at all.
        """
        try:
            source = self._open()
        except SourceError as error:
            if self._patient:
                log.info("%s", error)
                raise SourceLostError(f"{self._name} cannot be opened") from None
            raise
        opened_at = time.monotonic()
        try:
            while self._goes_on(session):
                shot = source.read()
                if shot is None:
                    return True
                self._hand_over(session, source, shot)
                del shot  # whoever took it lets go of it as soon as it is published: the next one needs the room
                if time.monotonic() - opened_at > SOUND_AFTER_S:
                    self._backoff_s = FIRST_BACKOFF_S
        finally:
            source.close()
        return False

    def _finish(self, session: int, error: BaseException | None = None) -> None:
        """The source is at its end, or cannot be read: the loop raises `error`."""
        with self._lock:
            if session != self._session:
                return
            self._error, self._ended = error, error is None
        self._wake()

    def _goes_on(self, session: int) -> bool:
        return session == self._session and not self._closing.is_set()

    def _hand_over(self, session: int, source: Source, shot: Shot) -> None:
        with self._lock:
            if session != self._session:
                return
            self.overwritten += self._shot is not None
            self._shot, self._source, self._delivered_at = shot, source, time.monotonic()
            self._open, self._patient = source.reopen, True
        self._wake()

    def _lose(self, session: int, reason: str) -> None:
        with self._lock:
            if session != self._session:
                return
            self._shot, self._source, self._delivered_at = None, None, None
            self._lost = Lost(reason)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
            os.write(self._wake_w, b"\0")
