"""Limits how many connections there are, and decides which one is closed for a new one. Pure.

Connections that have shown token or cookie count against another limit than all others. So however many strangers
connect, the owner's page keeps its connections and can open new ones.
"""

from __future__ import annotations

from typing import Generic, TypeVar

C = TypeVar("C")


class ConnectionLimit(Generic[C]):
    """Holds up to `size` connections; a new one replaces the oldest.

    If new connections were refused instead, whoever holds all of them could keep everybody else out.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._connections: dict[C, None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: C) -> C | None:
        """Add a connection. Return the oldest one if it must be closed for it."""
        self._connections[connection] = None
        if len(self._connections) <= self._size:
            return None
        oldest = next(iter(self._connections))
        self.remove(oldest)
        return oldest

    def remove(self, connection: C) -> None:
        """Remove a connection, if it is there."""
        self._connections.pop(connection, None)
