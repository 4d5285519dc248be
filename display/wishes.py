"""What the viewer wants, kept until compose takes it: a key that was pressed is not lost while it restarts."""

from __future__ import annotations

import time
from collections import deque

from common.counters import Counters
from common.messages import Wanted
from common.streams import Socket, send

KEPT_S = 1.0  # a wish is for what the viewer saw then: later it might turn privacy off in another picture


class Wishes:
    """Wishes on their way to compose, in the order of their making."""

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self._socket, self._counters = socket, counters
        self._waiting: deque[tuple[float, Wanted]] = deque()

    def add(self, *asked: Wanted) -> None:
        """The viewer wants this now."""
        self._waiting.extend((time.monotonic(), wanted) for wanted in asked)

    def pass_on(self) -> None:
        """Send what can be sent; what nobody took for a second is counted and dropped."""
        while self._waiting:
            since, wanted = self._waiting[0]
            if not send(self._socket, wanted):
                if time.monotonic() - since < KEPT_S:
                    return
                self._counters.count("control", "nobody takes it")
            self._waiting.popleft()
