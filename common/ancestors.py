"""Who stands above a stage, and whether they still do. Loads no library."""

from __future__ import annotations

import os

from common.environment import under_honcho
from common.identity import command_of, only_waits_for_children, parent_of

Ancestors = list[tuple[int, int]]  # (pid, its parent), to stay so; this process first
NOBODY = -1  # no process has this parent (process 1 has 0): who should have it counts as gone


def ancestors() -> Ancestors:
    """Up to honcho, which stands two steps above: honcho → its runner → this process. OSError: nobody can tell now.

    honcho forks its runner, so both have one command line. Where they differ honcho ended before we began: whoever took
    the orphans in (process 1, or the session's own) is not mistaken for it.

    Started by hand there is nobody to watch: `nohup python -m capture &` may outlive its shell.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    honcho = parent_of(runner) or NOBODY
    return [(os.getpid(), runner), (runner, honcho if command_of(honcho) == command_of(runner) else NOBODY)]


def are_there(above: Ancestors) -> bool:
    """True while everyone still has the parent it had (an orphan gets another), and honcho still does its work.

    True also while nobody can tell, as when this process has no descriptor left: it looks again later, and its parent looks
    as well.

    Where honcho's own output is closed (`honcho start | head`) it fails and then waits for processes that it will never
    end: nobody could stop the call any more, and the camera would stay on.
    """
    try:
        if not all(parent_of(pid) == parent for pid, parent in above):
            return False
    except OSError:
        return True
    return not any(only_waits_for_children(honcho) for _, honcho in above[1:2])
