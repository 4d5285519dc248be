"""Reports the processor time of a process to compose, whose governor keeps the call within its budget."""

from __future__ import annotations

import os
from pathlib import Path

from common.ipc.messages import LoadReported
from common.ipc.streams import LOADS, Context, connect, send
from common.metrics.metrics import Meter
from common.runtime.environment import process_name


class LoadReporter:
    """Report the load of this process on the stream `loads`.

    Args:
        stage: Name of the stage, used where honcho did not name the process.
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
    """

    def __init__(self, stage: str, context: Context, run_dir: Path) -> None:
        self._process = f"{process_name(stage)}:{os.getpid()}"
        self._socket, self._meter = connect(context, LOADS, run_dir), Meter()

    def send(self) -> None:
        """Send the mean number of cores used since the last call."""
        send(self._socket, LoadReported(self._process, self._meter.cores()))
