"""The socket on which inference workers request frames."""

from __future__ import annotations

from pathlib import Path

import zmq

from common.ipc.codec import encode
from common.ipc.messages import WorkAssigned, WorkRequested
from common.ipc.streams import WORK, Context, bind, parse
from common.metrics.counters import Counters


class RequestSocket:
    """Receives the requests of workers, and sends each a frame; which one, its user decides.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
        counters: Count malformed messages, and workers that are gone.

    Attributes:
        socket: To be polled.
    """

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        self.socket = bind(context, WORK, run_dir)
        self._counters = counters

    def receive(self) -> list[bytes]:
        """Return the workers that have requested a frame since the last call, in order."""
        workers: list[bytes] = []
        while True:
            try:
                worker, *parts = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return workers
            if len(parts) == 1 and parse(parts[0], WorkRequested, self._counters) is not None:
                workers.append(worker)

    def send(self, worker: bytes, message: WorkAssigned) -> bool:
        """Send a worker its frame. Return False where it died while it waited, or takes nothing: the frame is for the next worker."""
        try:
            self.socket.send_multipart([worker, encode(message)], zmq.NOBLOCK)
        except zmq.ZMQError:
            self._counters.count("worker", "gone")
            return False
        return True
