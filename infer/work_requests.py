"""Requests work from capture, one frame at a time."""

from __future__ import annotations

import time
from pathlib import Path

from common.ipc.messages import WorkAssigned, WorkRequested
from common.ipc.streams import WORK, Context, connect, receive, send
from common.metrics.counters import Counters

REQUEST_INTERVAL_S = 0.5  # requests are repeated: capture may start later, and one that was restarted has lost them
POLL_MS = 100


class WorkRequests:
    """Request frames to look at, which capture gives to one idle worker each.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
        name: Name of this worker.
        counters: Count malformed messages.
    """

    def __init__(self, context: Context, run_dir: Path, name: str, counters: Counters) -> None:
        self._socket = connect(context, WORK, run_dir)
        self._name, self._counters = name, counters
        self._requested_at = -REQUEST_INTERVAL_S

    def wait(self) -> list[WorkAssigned]:
        """Wait up to POLL_MS for a frame. Return what came: more than one frame where a repeated request crossed one on its way."""
        now = time.monotonic()
        if now - self._requested_at >= REQUEST_INTERVAL_S and send(self._socket, WorkRequested(self._name)):
            self._requested_at = now
        if not self._socket.poll(POLL_MS):
            return []
        messages = receive(self._socket, WorkAssigned, self._counters)
        if messages:
            self._requested_at = -REQUEST_INTERVAL_S  # the frame uses up the request: the next call sends another
        return messages
