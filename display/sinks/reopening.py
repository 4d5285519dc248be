"""Opens a sink again when it fails: the call goes on, and so do the other displays."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.vision.arrays import BgrImage
from display.meter import Meter
from display.screen import PATIENCE_S
from display.sinks.sink import Sink, SinkEvents, one_line

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 8.0  # each failure in a row doubles the wait
RETRY_PATIENCE_S = 3.0  # a process has 60 s to begin, but a loop that turns is killed where it stands still for 5 s
LASTED_S = 10.0  # a sink that has worked for so long fails for the first time again

log = logging.getLogger("onlyme")


class ReopeningSink:
    """A sink whose failures are said in one line each, and which is then closed and opened again. It shows nothing meanwhile.

    Only the first opening of a call may fail, because that is a mistake of the user.

    Args:
        name: Of the sink, for errors.
        open_sink: Opens the sink, and waits for a screen no longer than so many seconds.
        is_restart: Whether an earlier process of this call has opened the sink before.

    Raises:
        DisplayError: The sink cannot be opened for the first time.
    """

    def __init__(self, name: str, open_sink: Callable[[float], Sink], *, is_restart: bool) -> None:
        self._name, self._open_sink = name, open_sink
        self._sink: Sink | None = None
        self._said: set[str] = set()
        self._retry_s, self._retry_at, self._opened_at = FIRST_RETRY_S, 0.0, time.monotonic()
        with self._kept() if is_restart else nullcontext():
            self._sink = open_sink(PATIENCE_S)

    @property
    def local(self) -> bool:
        """See Sink."""
        return self._sink is not None and self._sink.local

    @property
    def is_watched(self) -> bool:
        """See Sink."""
        with self._kept():
            return self._sink is not None and self._sink.is_watched
        return False

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        with self._kept():
            if self._sink is not None:
                self._sink.show(picture, message, meter)

    def blank(self, why: str) -> None:
        """See Sink."""
        with self._kept():
            if self._sink is not None:
                self._sink.blank(why)

    def poll(self) -> SinkEvents:
        """See Sink. Opens the sink again when it is time."""
        with self._kept():
            if self._sink is None and time.monotonic() >= self._retry_at:
                self._sink = self._open_sink(RETRY_PATIENCE_S)
                self._opened_at = time.monotonic()
            if self._sink is not None:
                return self._sink.poll()
        return SinkEvents()

    def close(self) -> None:
        """See Sink."""
        sink, self._sink = self._sink, None
        if sink is not None:
            try:
                sink.close()
            except Exception as error:  # a device that has gone refuses its last picture too
                self._say(error, "the end may be missing")

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Close the sink if it fails inside, and have it opened again later."""
        try:
            yield
        except Exception as error:  # whatever it is, the call is worth more than this sink
            now = time.monotonic()
            if self._sink is not None and now - self._opened_at > LASTED_S:
                self._retry_s, self._said = FIRST_RETRY_S, set()
            self._retry_at, self._retry_s = now + self._retry_s, min(2 * self._retry_s, LAST_RETRY_S)
            self._say(error, "the call goes on, and this is tried again")
            self.close()

    def _say(self, error: Exception, then: str) -> None:
        """Log an error in one line, unless that was said since the sink worked last."""
        text = str(error) if isinstance(error, DisplayError) else f"--sink {self._name}: {one_line(error)}"
        if text not in self._said:
            self._said.add(text)
            log.error("%s; %s", text, then)
        log.debug("where the sink failed", exc_info=error)
