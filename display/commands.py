"""What the viewer wants, kept until compose takes it: a key that was pressed is not lost while it restarts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from common.ipc.messages import CommandIssued
from common.ipc.records import Command
from common.ipc.streams import Socket, send
from common.metrics.counters import Counters

KEPT_S = 1.0  # a wish is for what the viewer saw then: later it might turn privacy off in another picture


class Wishes:
    """Wishes on their way to compose, in the order of their making.

    Args:
        socket: Where to.
        counters: Of what nobody took.
        clock: CLOCK_MONOTONIC of the machine that compose runs on, ns.
    """

    def __init__(self, socket: Socket, counters: Counters, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._socket, self._counters, self._clock = socket, counters, clock
        self._waiting: deque[CommandIssued] = deque()

    def add(self, epoch: int, *asked: Command) -> None:
        """The viewer of a picture of the stream `epoch` (0: of none yet) wants this now."""
        now_ns = self._clock()
        self._waiting.extend(CommandIssued(epoch, now_ns, wanted) for wanted in asked)

    def put(self, *wishes: CommandIssued) -> None:
        """Viewers made these before now; their times are of this machine's clock."""
        # two looks at one clock differ by the time between them
        ahead_ns = 0 if self._clock is time.monotonic_ns else self._clock() - time.monotonic_ns()
        self._waiting.extend(replace(wish, issued_ns=max(0, wish.issued_ns + ahead_ns)) for wish in wishes)

    def pass_on(self) -> None:
        """Send what can be sent; what nobody took for a second is counted and dropped."""
        while self._waiting:
            wish = self._waiting[0]
            if not send(self._socket, wish):
                if self._clock() - wish.issued_ns < KEPT_S * 1e9:
                    return
                self._counters.count("control", "nobody takes it")
            self._waiting.popleft()
