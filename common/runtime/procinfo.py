"""Answers questions about other processes.

A process is gone only where the kernel knows no such process. Any other error (no descriptor left, no permission) means
that the answer is not known now: it is raised, and the caller asks again later.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

import psutil


def parent_of(pid: int) -> int | None:
    """Return the pid of a process's parent, or None if the process is gone.

    Raises:
        OSError, psutil.AccessDenied: This cannot be determined now.
    """
    try:
        return psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return None


def command_of(pid: int) -> list[str] | None:
    """Return the words of a process's command line, or None if it is gone or has none.

    Raises:
        OSError, psutil.AccessDenied: This cannot be determined now.
    """
    if pid < 0:  # no pid, which psutil refuses
        return None
    try:
        return psutil.Process(pid).cmdline() or None
    except psutil.NoSuchProcess:
        return None


def shows_own_processes() -> bool:
    """Return whether /proc shows the processes of this process's own pid namespace: `unshare --pid` leaves the old one there."""
    try:
        return Path("/proc/self").readlink() == Path(str(os.getpid()))
    except OSError:
        return False


def environment_of(pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with, or None if it is gone or does not say (proc(5) environ)."""
    try:
        entries = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes()).split("\0")
    except OSError:
        return None
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def group_of(pid: int) -> int | None:
    """Return the process group of a process, or None if it is gone.

    Raises:
        PermissionError: The system does not allow the question.
    """
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks after boot (field 22 of proc(5) stat), or None if it is gone.

    A pid together with this time names one process for good. psutil's create_time() does not: it adds the time of the boot,
    which moves whenever the clock is set.

    Raises:
        OSError: This cannot be determined now.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[19])


def is_running(pid: int, started: int) -> bool:
    """Return True while the process with this pid and `start_time` exists and is no zombie.

    Raises:
        OSError, psutil.AccessDenied: This cannot be determined now.
    """
    ended = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    try:
        return start_time(pid) == started and psutil.Process(pid).status() not in ended
    except psutil.NoSuchProcess:
        return False


def is_waiting_for_children(pid: int) -> bool:
    """Return True if a process sleeps in wait(2); False if not, or if the kernel does not say (/proc/PID/wchan, proc(5))."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text().startswith("do_wait")
    except OSError:
        return False


def has_broken_output(pid: int) -> bool:
    """Return True if a process's standard output is a pipe that nobody reads any more; False if not, or if it is unknown."""
    output = Path(f"/proc/{pid}/fd/1")
    try:
        if not output.is_fifo():
            return False
        pipe = os.open(output, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    poll = select.poll()
    poll.register(pipe, 0)
    events = poll.poll(0)
    os.close(pipe)
    return any(event & select.POLLERR for _, event in events)
