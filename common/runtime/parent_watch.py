"""Finds the processes above a stage, up to honcho, tells whether they are still alive, and ends a process with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

from common.runtime.environment import under_honcho
from common.runtime.exit_codes import EXIT_CRASHED
from common.runtime.procinfo import command_of, group_of, has_broken_output, is_waiting_for_children, parent_of

PR_SET_PDEATHSIG = 1  # prctl(2)
Ancestors = list[tuple[int, int]]  # (pid, pid of its parent) for each process below honcho, this one first
NO_PROCESS = -1  # a pid that no process has: a parent that is expected to have it counts as dead
HELPER = "from multiprocessing."  # begins the code in the command line of a process that multiprocessing did not fork


def find_ancestors() -> Ancestors:
    """Return the processes from this one up to honcho, which is the last parent; nothing where honcho did not start it.

    honcho starts each stage through a runner process of multiprocessing. How it does that depends on the version of Python:

    - A forked runner is honcho's child and has honcho's command line.
    - A spawned runner is honcho's child too. Its command line is a helper's, so it is told by its process group.
    - A runner of the fork server (the default from Python 3.14 on) has the fork server's command line. The fork server is
      honcho's child, told by its process group.

    Where command lines or groups differ, honcho has already ended, and whoever adopted the orphan is not mistaken for it.

    A stage started by hand watches nobody: `nohup python -m capture &` may outlive its shell.

    Raises:
        OSError: This cannot be determined now.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    above, command = [(os.getpid(), runner)], command_of(runner)
    parent = parent_of(runner) or NO_PROCESS
    is_fork = command is not None and command_of(parent) == command
    if command is None or not any(word.startswith(HELPER) for word in command):
        return [*above, (runner, parent if is_fork else NO_PROCESS)]
    if is_fork:  # by the fork server
        above.append((runner, parent))
        runner, parent = parent, parent_of(parent) or NO_PROCESS
    return [*above, (runner, parent if group_of(parent) == group_of(runner) else NO_PROCESS)]


def honcho_of(above: Ancestors) -> int | None:
    """Return the pid of the honcho that runs the call, None where there is none."""
    return above[-1][1] if len(above) > 1 else None


def all_alive(above: Ancestors) -> bool:
    """Return True while every process in `above` has the parent it had, and honcho can still end the call.

    A process whose parent dies gets another parent. Return True also while this cannot be determined, as when this process
    has no file descriptor left: callers ask again later.

    A honcho whose output was closed (`honcho start | head`) fails, and then waits for processes that it never ends. With a
    fork server it waits in poll(2), as it does while it works, so its output is checked as well.
    """
    try:
        if not all(parent_of(pid) == parent for pid, parent in above):
            return False
    except OSError:
        return True
    honcho = honcho_of(above)
    return honcho is None or not (is_waiting_for_children(honcho) or has_broken_output(honcho))


def set_parent_death_signal(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, where it can (Linux). StageContext checks the parent as well."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(EXIT_CRASHED)
