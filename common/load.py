"""What share of the processor a process has, said to compose once a second: its governor holds the call to a budget."""

from __future__ import annotations

import os
import time
from pathlib import Path

from common.environment import process_name
from common.messages import LoadSaid
from common.streams import LOADS, Context, connect, send


class Meter:
    """Cores that this process has used since it was last asked."""

    def __init__(self) -> None:
        self._at, self._spent_s = time.monotonic(), time.process_time()

    def cores(self) -> float:
        """How many, on average."""
        (at, spent_s), self._at, self._spent_s = (self._at, self._spent_s), time.monotonic(), time.process_time()
        return (self._spent_s - spent_s) / max(self._at - at, 1e-3)


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
        send(self._socket, LoadSaid(self._process, self._meter.cores()))
