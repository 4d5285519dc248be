"""Answers questions about other processes, from proc(5).

A process is gone only where the kernel knows no such process. Any other error (no descriptor left, no permission) means
that the answer is not known now: OSError is raised, and the caller asks again later.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

STATE, PARENT, GROUP, START = 0, 1, 2, 19  # what /proc/PID/stat holds behind the name of the program
ENDED = (b"Z", b"X")  # a zombie, and a process that its parent is just told of


def parent_of(pid: int) -> int | None:
    """Return the pid of a process's parent, or None if the process is gone."""
    return _number(pid, PARENT)


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
    """Return the process group of a process, or None if it is gone."""
    return _number(pid, GROUP)


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks after boot, or None if it is gone.

    A pid together with this time names one process for good. A time of day would not: it moves whenever the clock is set.
    """
    return _number(pid, START)


def is_running(pid: int, started: int) -> bool:
    """Return True while the process with this pid and `start_time` exists and is no zombie."""
    stat = _stat(pid)
    return bool(stat) and int(stat[START]) == started and stat[STATE] not in ENDED


def command_of(pid: int) -> list[str] | None:
    """Return the words of a process's command line, or None if it is gone or has none."""
    words = os.fsdecode(_read(pid, "cmdline")).removesuffix("\0")
    return words.split("\0") if words else None


def is_waiting_for_children(pid: int) -> bool:
    """Return True if a process sleeps in wait(2); False if not, or if the kernel does not say."""
    try:
        return _read(pid, "wchan").startswith(b"do_wait")
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


def _number(pid: int, field: int) -> int | None:
    stat = _stat(pid)
    return int(stat[field]) if stat else None


def _stat(pid: int) -> list[bytes]:
    """Return the fields behind the name of the program, which may hold spaces and brackets; none if the process is gone."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between opening and reading
        return b""
