"""Which process is which: a pid alone is reused, a pid with its start time is not.

Only "no such file" and "no such process" mean that a process is gone. Any other error (no descriptor left, no leave to
look) means that nobody can tell now: it is raised, and the caller looks again later.
"""

from __future__ import annotations

import os
import select
from pathlib import Path


def stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the command name (state is the first), or None if there is no such process.

    Raises:
        OSError: Nobody can tell now.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks after boot (field 22 of proc(5) stat), or None if it is gone.

    Raises:
        OSError: Nobody can tell now.
    """
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def parent_of(pid: int) -> int | None:
    """Parent's pid (field 4 of proc(5) stat), or None if the process is gone.

    Raises:
        OSError: Nobody can tell now.
    """
    fields = stat_fields(pid)
    return int(fields[1]) if fields else None


def group_of(pid: int) -> int | None:
    """Process group (field 5 of proc(5) stat), or None if the process is gone.

    Raises:
        OSError: Nobody can tell now.
    """
    fields = stat_fields(pid)
    return int(fields[2]) if fields else None


def command_of(pid: int) -> bytes | None:
    """Command line of a process, its words ended by NUL each, or None if there is none.

    Raises:
        OSError: Nobody can tell now.
    """
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() or None
    except (FileNotFoundError, ProcessLookupError):
        return None


def only_waits_for_children(pid: int) -> bool:
    """True where a process sleeps in wait(2); False too where the kernel does not say (/proc/PID/wchan of proc(5))."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text().startswith("do_wait")
    except OSError:
        return False


def writes_to_nobody(pid: int) -> bool:
    """True where the standard output of a process is a pipe whose readers are all gone; False too where nobody can tell."""
    output = Path(f"/proc/{pid}/fd/1")
    try:
        if not output.is_fifo():
            return False
        pipe = os.open(output, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    look = select.poll()
    look.register(pipe, 0)
    events = look.poll(0)
    os.close(pipe)
    return any(event & select.POLLERR for _, event in events)


def is_running(pid: int, start: int) -> bool:
    """True while the process with this pid *and* start time exists and is no zombie.

    Raises:
        OSError: Nobody can tell now.
    """
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX" and int(fields[19]) == start
