"""Both ends of a stream on which nothing may be lost (`--pace every`): credit, and sending again from the first one that is missing. Pure.

Messages are numbered from 0. The receiver takes them in order and tells the sender the number that it wants next; the sender keeps
what lies from there on, and never sends further ahead than its window. Where the same number is wanted again, something was lost, or
one end started late: the sender sends all of it again, and the receiver leaves out what it has (go-back-N, RFC 3366, section 2.2).
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

REPEAT_S = 0.2  # after so long without anything new the receiver says again what it wants

T = TypeVar("T")


class Outbox(Generic[T]):
    """The sender's end.

    Args:
        window: How many messages may be under way, at least 1.

    Attributes:
        wanted: Number that the receiver wants next: it has all before.
        next: Number of the message that will be added next.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._kept: deque[T] = deque()  # numbers wanted .. next - 1
        self.wanted = self.next = 0

    @property
    def has_room(self) -> bool:
        """Whether another message may be sent."""
        return self.next - self.wanted < self._window

    def add(self, message: T) -> None:
        """Keep a message that is being sent.

        Raises:
            RuntimeError: The receiver has not given the credit for it.
        """
        if not self.has_room:
            raise RuntimeError(
                f"message {self.next} was sent while {self.wanted} is wanted, in a window of {self._window}"
            )
        self._kept.append(message)
        self.next += 1

    def want(self, number: int) -> list[T]:
        """Take what the receiver wants next, and return what is to be sent again. A number that cannot be is left out."""
        if number == self.wanted:
            return list(self._kept)
        if self.wanted < number <= self.next:
            for _ in range(number - self.wanted):
                self._kept.popleft()
            self.wanted = number
        return []


class Inbox:
    """The receiver's end.

    Attributes:
        next: Number of the message that comes next.
    """

    def __init__(self) -> None:
        self.next = 0
        self._told: int | None = None  # the number that the sender was told last
        self._quiet_since_s = 0.0  # monotonic

    def accept(self, number: int, now_s: float) -> bool:
        """Return whether a message is the next one; else it came before, or one before it is missing."""
        if number != self.next:
            return False
        self.next += 1
        self._quiet_since_s = now_s
        return True

    def should_tell(self, wanted: int, now_s: float) -> bool:
        """Return whether the sender must be told what is wanted: when that has changed, and again while nothing comes.

        Args:
            wanted: Number of the first message that the receiver is not done with, `next` at most.
            now_s: Monotonic seconds.
        """
        if wanted == self._told and now_s - self._quiet_since_s < REPEAT_S:
            return False
        self._told, self._quiet_since_s = wanted, now_s
        return True
