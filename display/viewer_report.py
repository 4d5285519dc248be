"""Tells capture that somebody looks at a display, or through the relay: with `--on-demand` the camera is on only then."""

from __future__ import annotations

from pathlib import Path

from common.ipc.messages import ViewersPresent
from common.ipc.streams import VIEWERS, Context, connect, send

REPEAT_NS = 500_000_000


class ViewerReport:
    """Sends that somebody looks, at once and again and again; it never says that nobody does.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
    """

    def __init__(self, context: Context, run_dir: Path) -> None:
        self._socket = connect(context, VIEWERS, run_dir)
        self._due_ns = 0

    def update(self, is_watched: bool, now_ns: int) -> None:
        """Take whether anybody looks now. Where capture takes no message, the next call tries again."""
        if not is_watched:
            self._due_ns = 0
        elif now_ns >= self._due_ns and send(self._socket, ViewersPresent(now_ns)):
            self._due_ns = now_ns + REPEAT_NS
