"""Closes the source while nobody looks at the call, and opens it when somebody does (`--on-demand`)."""

from __future__ import annotations

import logging

from capture.reader import SourceReader
from capture.settings import CaptureSettings
from common.ipc.messages import ViewersPresent
from common.ipc.streams import VIEWERS, Context, bind, receive
from common.metrics.counters import Counters

LINGER_NS = 5_000_000_000  # after the last viewer, and after the last word of a display that has died
REPEAT_NS = 1_000_000_000  # between two messages that the source is closed: a compose that was restarted needs one

log = logging.getLogger("onlyme")


class Demand:
    """Knows whether anybody looks, or did a moment ago. Pure."""

    def __init__(self) -> None:
        self._seen_ns: int | None = None

    def note(self, seen_ns: int, now_ns: int) -> None:
        """Take that somebody looked at `seen_ns`, however late that is said."""
        self._seen_ns = max(self._seen_ns or 0, min(seen_ns, now_ns))

    def is_wanted(self, now_ns: int) -> bool:
        """Return whether the source is to be open."""
        return self._seen_ns is not None and now_ns - self._seen_ns < LINGER_NS


class OnDemand:
    """Pauses and resumes a reader. Without `--on-demand` it leaves the reader alone.

    Args:
        context: ZeroMQ context of the process.
        settings: Of capture.
        reader: Of the source.
        counters: Counts messages that are dropped.
    """

    def __init__(self, context: Context, settings: CaptureSettings, reader: SourceReader, counters: Counters) -> None:
        self.socket = bind(context, VIEWERS, settings.call_dir)
        self._is_on, self._reader, self._counters = settings.on_demand, reader, counters
        self._demand, self._say_ns = Demand(), 0

    def is_idle(self, now_ns: int) -> bool:
        """Have the source opened or closed, and return whether compose is to be told now that it is closed."""
        for message in receive(self.socket, ViewersPresent, self._counters):
            self._demand.note(message.seen_ns, now_ns)
        if not self._is_on:
            return False
        if self._demand.is_wanted(now_ns):
            if self._reader.is_paused:
                log.info("somebody looks: the source is opened")
                self._reader.resume()
                self._say_ns = 0
            return False
        if not self._reader.is_paused:
            log.info("nobody has looked for %.0f s: the source is closed", LINGER_NS / 1e9)
            self._reader.pause()
        is_due = now_ns >= self._say_ns
        if is_due:
            self._say_ns = now_ns + REPEAT_NS
        return is_due
