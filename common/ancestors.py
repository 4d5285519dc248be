"""Who stands above a stage, and whether they still do. Loads no library."""

from __future__ import annotations

import os

from common.environment import under_honcho
from common.identity import only_waits_for_children, parent_of

Ancestors = list[tuple[int, int]]  # (pid, its parent), to stay so; this process first


def ancestors() -> Ancestors:
    """Up to honcho, which stands two steps above: honcho → its runner → this process.

    Started by hand there is nobody to watch: `nohup python -m capture &` may outlive its shell.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    return [(os.getpid(), runner), (runner, parent_of(runner) or 0)]


def are_there(above: Ancestors) -> bool:
    """True while everyone still has the parent it had (an orphan gets another), and honcho still does its work.

    Where honcho's own output is closed (`honcho start | head`) it fails and then waits for processes that it will never
    end: nobody could stop the call any more, and the camera would stay on.
    """
    if not all(parent_of(pid) == parent for pid, parent in above):
        return False
    return not any(only_waits_for_children(honcho) for _, honcho in above[1:2])
