"""How many connections there may be, and which one must go. Pure.

A connection of somebody unknown and one of somebody who has shown token or cookie take places of different limits. So
however many strangers come, the owner's page keeps its connections, and finds a place for a new one.
"""

from __future__ import annotations

from typing import Generic, TypeVar

C = TypeVar("C")


class ConnectionLimit(Generic[C]):
    """So many places; a newcomer gets the place of the first comer when all are taken.

    Turning newcomers away instead would let those who hold the places keep everybody else out.

    Args:
        places: How many.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: dict[C, None] = {}  # in the order of coming

    def __len__(self) -> int:
        return len(self._taken)

    def add(self, connection: C) -> C | None:
        """Give it a place; returns who must go for it."""
        self._taken[connection] = None
        if len(self._taken) <= self._places:
            return None
        first = next(iter(self._taken))
        self.remove(first)
        return first

    def remove(self, connection: C) -> None:
        """Free its place, if it has one."""
        self._taken.pop(connection, None)
