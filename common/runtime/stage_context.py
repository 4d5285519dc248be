"""What a stage's loop is given besides its settings."""

from __future__ import annotations

import time
from collections.abc import Callable

from common.runtime.heartbeat import Heartbeat
from common.runtime.parent_watch import Ancestors, all_alive, honcho_of

CHECK_EVERY_S = 0.25


class StageContext:
    """Tells a stage's loop when to stop, and its parent that the loop turns.

    Args:
        heartbeat: The page that the parent reads.
        above: The processes that must stay alive.
        restarts: How many children this stage has had before in this call. A device that worked for one of them is worth
            waiting for.

    Attributes:
        each_second: What `should_stop` calls once a second.
        fixed: Names of the settings that a flag, the environment or `.env` sets.
    """

    def __init__(self, heartbeat: Heartbeat, above: Ancestors, restarts: int) -> None:
        self.heartbeat, self.restarts = heartbeat, restarts
        self.each_second: list[Callable[[], None]] = []
        self.fixed: frozenset[str] = frozenset()
        self._above = above
        self._stop_requested = False
        self._check_at = self._second_at = 0.0

    def should_stop(self) -> bool:
        """Return True once the loop should end. A loop calls this at each turn: `while not stage.should_stop():`.

        Each call is a heartbeat. Four times a second it checks that parent and honcho are alive, because a parent that was
        stopped (SIGSTOP) cannot see that honcho is gone. Once a second it calls `each_second`.
        """
        now = time.monotonic()
        self.heartbeat.beat(now)
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            if not all_alive(self._above):
                self._stop_requested = True  # never assign the result: a signal may request the stop during the check
        if now >= self._second_at:
            self._second_at = now + 1.0
            for act in self.each_second:
                act()
        return self._stop_requested

    def forbid_restart(self) -> None:
        """Have the stage end where this process dies: another one could not go on in the middle of a recording, whose frames and
        results are gone with this one."""
        self.heartbeat.forbid_restart()

    @property
    def honcho(self) -> int | None:
        """Pid of the honcho that runs the call, None where there is none."""
        return honcho_of(self._above)

    def request_stop(self) -> None:
        """Have `should_stop` return True from now on."""
        self._stop_requested = True
