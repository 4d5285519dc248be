"""Tells which processes hold a device or a port, as far as this user may see: own processes, and as root all of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

LISTENING = "0A"  # TCP_LISTEN, as the tables in /proc/net write it
ADDRESS, STATE, INODE = 1, 3, 9  # columns of those tables, proc(5)


def holders_of_file(path: Path) -> str:
    """Return "NAME (pid N)" of the processes that have a file or device open, but for this one; "" if none is known."""
    return ", ".join(_holders({str(path.resolve())}))


def holders_of_port(port: int) -> str:
    """Return "NAME (pid N)" of the processes that listen on a TCP port of this machine; "" if none is known."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(table, port)}
    return ", ".join(_holders(sockets))


def taken_by(number: int | None, port: int) -> str:
    """Return " by NAME (pid N)", to stand behind the text of error `number` if it says that a TCP port is taken, else ""."""
    holders = holders_of_port(port) if number == errno.EADDRINUSE else ""
    return f" by {holders}" if holders else ""


def _listening(table: str, port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on a port."""
    try:
        rows = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:  # a kernel without IPv6 has no table for it
        return
    for row in rows:
        words = row.split()
        if words[STATE] == LISTENING and int(words[ADDRESS].rpartition(":")[2], 16) == port:
            yield words[INODE]


def _holders(opened: set[str]) -> Iterator[str]:
    """Yield every other process that has one of these open, as the links in /proc/PID/fd name them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and any(
                str(fd.readlink()) in opened for fd in (process / "fd").iterdir()
            ):
                yield f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # the process has ended, closed one meanwhile, or is another user's
            continue
