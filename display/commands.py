"""Commands of viewers, kept until compose takes them: a key pressed while compose restarts is not lost."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from common.ipc.messages import CommandIssued
from common.ipc.records import Command
from common.ipc.streams import Socket, send
from common.metrics.counters import Counters

MAX_AGE_S = 1.0  # so long a command waits for compose, which refuses late ones itself (compose/policy.py)


class CommandQueue:
    """Sends commands to compose in the order in which they were given.

    Args:
        socket: Connected to compose, or to a relay.
        counters: Counts commands that nobody took.
        clock: CLOCK_MONOTONIC of the machine that compose runs on, ns.
    """

    def __init__(self, socket: Socket, counters: Counters, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._socket, self._counters, self._clock = socket, counters, clock
        self._queue: deque[CommandIssued] = deque()

    def add(self, epoch: int, *commands: Command) -> None:
        """Queue commands that a viewer gives now.

        Args:
            epoch: Epoch of the picture that the viewer sees, 0 before the first picture.
            commands: In the order given.
        """
        now_ns = self._clock()
        self._queue.extend(CommandIssued(epoch, now_ns, command) for command in commands)

    def add_issued(self, *commands: CommandIssued) -> None:
        """Queue commands that viewers gave earlier, with times of this machine's clock."""
        # on the machine of compose the difference of the clocks is 0; two readings of one clock would differ
        ahead_ns = 0 if self._clock is time.monotonic_ns else self._clock() - time.monotonic_ns()
        self._queue.extend(replace(issued, issued_ns=max(0, issued.issued_ns + ahead_ns)) for issued in commands)

    def flush(self) -> None:
        """Send what the socket takes, whatever its age. Drop and count commands older than MAX_AGE_S that it does not take."""
        while self._queue:
            issued = self._queue[0]
            if not send(self._socket, issued):
                if self._clock() - issued.issued_ns < MAX_AGE_S * 1e9:
                    return
                self._counters.count("control", "nobody takes it")
            self._queue.popleft()
