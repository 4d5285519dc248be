"""Who stands above a stage, and whether they still do."""

from __future__ import annotations

import os

from common.runtime.environment import under_honcho
from common.runtime.procinfo import command_of, group_of, only_waits_for_children, parent_of, writes_to_nobody

Ancestors = list[tuple[int, int]]  # (pid, its parent), to stay so; this process first, honcho the last parent
NOBODY = -1  # no process has this parent (process 1 has 0): who should have it counts as gone
HELPER = b"from multiprocessing."  # in the command line of a process that multiprocessing did not fork


def ancestors() -> Ancestors:
    """Up to honcho: honcho → its runner → this process, with multiprocessing's fork server between the first two if any.

    honcho starts its runners with multiprocessing, whose start method depends on the version of Python. A forked runner has
    honcho's command line, and one of the fork server (the default from 3.14 on) has the fork server's. The parent of a
    spawned runner, and of a fork server, is known by its process group, which none of them ever changes.

    Where the lines or groups differ honcho ended before we began: whoever took the orphans in (process 1, or the session's
    own) is not mistaken for it.

    Started by hand there is nobody to watch: `nohup python -m capture &` may outlive its shell.

    Raises:
        OSError: Nobody can tell now.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    above, command = [(os.getpid(), runner)], command_of(runner)
    parent = parent_of(runner) or NOBODY
    is_fork = command is not None and command_of(parent) == command
    if command is None or HELPER not in command:
        return [*above, (runner, parent if is_fork else NOBODY)]
    if is_fork:  # by the fork server
        above.append((runner, parent))
        runner, parent = parent, parent_of(parent) or NOBODY
    return [*above, (runner, parent if group_of(parent) == group_of(runner) else NOBODY)]


def are_there(above: Ancestors) -> bool:
    """True while everyone still has the parent it had (an orphan gets another), and honcho still does its work.

    True also while nobody can tell, as when this process has no descriptor left: it looks again later, and its parent looks
    as well.

    Where honcho's own output is closed (`honcho start | head`) it fails and then waits for processes that it will never
    end: nobody could stop the call any more, and the camera would stay on. Where it has a fork server it waits for them in
    poll(2), as it does while it works: so its output is looked at as well.
    """
    try:
        if not all(parent_of(pid) == parent for pid, parent in above):
            return False
    except OSError:
        return True
    return not any(only_waits_for_children(honcho) or writes_to_nobody(honcho) for _, honcho in above[1:][-1:])
