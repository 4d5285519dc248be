"""Sets the CPU priority of a worker. compose/governor.py decides which one it has."""

from __future__ import annotations

from pathlib import Path

NICE_LOW, NICE_NORMAL = 10, 0  # autogroup nice values
# process nice value: only root can lower it again, and it has no effect where the kernel uses autogroups
PROCESS_NICE = 3


class PriorityController:
    """Switch this worker's session between low and normal priority."""

    def __init__(self) -> None:
        self._nice: int | None = None  # unknown at first: a restarted worker inherits the value of the one before it

    def set(self, *, normal: bool) -> None:
        """Set normal priority, or low priority: then every other stage and program runs first. Retries what failed."""
        nice = NICE_NORMAL if normal else NICE_LOW
        if nice != self._nice and set_autogroup_nice(nice):
            self._nice = nice


def set_autogroup_nice(nice: int) -> bool:
    """Set the nice value of this process's session, 0 (normal) to 19 (lowest).

    honcho starts each process in its own session, and Linux (sched_autogroup, sched(7)) shares the processor among
    sessions, not among processes. Unlike the nice value of a process, that of a session can be lowered again.

    Returns:
        False where it failed: the kernel has no autogroups, or one was changed within the last tenth of a second.
    """
    try:
        Path("/proc/self/autogroup").write_text(str(nice))
    except OSError:
        return False
    return True
