"""What share of the processor a process has, said to compose once a second: its governor holds the call to a budget."""

from __future__ import annotations

import os
from pathlib import Path

from common.ipc.messages import LoadReported
from common.ipc.streams import LOADS, Context, connect, send
from common.metrics.metrics import Meter
from common.runtime.environment import process_name


class Load:
    """Of this process.

    Args:
        stage: Its stage's name.
        context: Of the socket.
        run_dir: Of the call.
    """

    def __init__(self, stage: str, context: Context, run_dir: Path) -> None:
        self._process = f"{process_name(stage)}:{os.getpid()}"
        self._socket, self._meter = connect(context, LOADS, run_dir), Meter()

    def say(self) -> None:
        """Say it now."""
        send(self._socket, LoadReported(self._process, self._meter.cores()))
