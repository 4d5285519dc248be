"""Whether the other stages and programs run before a worker; compose/governor.py says when."""

from __future__ import annotations

from pathlib import Path

COURTEOUS, INSISTENT = 10, 0  # niceness of the session
OWN = 3  # of the process, which nobody can take back and which counts only where sessions are not weighed


class Niceness:
    """Of this worker's session."""

    def __init__(self) -> None:
        self._now: int | None = None  # the worker before this one has left the session as it was

    def set(self, *, insists: bool) -> None:
        """Let every other stage and program run first, or no longer; what cannot be done now is tried again."""
        wanted = INSISTENT if insists else COURTEOUS
        if wanted != self._now and give_way(wanted):
            self._now = wanted


def give_way(niceness: int) -> bool:
    """Let every other stage and program run first, from 0 (no more than any) to 19.

    honcho gives each process a session of its own, and Linux (sched_autogroup) then weighs sessions against each
    other, not processes. Unlike a process's own niceness a session's may be taken back. False where it was not
    done: there are no autogroups, or somebody else's weight was changed within the last tenth of a second.
    """
    try:
        Path("/proc/self/autogroup").write_text(str(niceness))
    except OSError:
        return False
    return True
