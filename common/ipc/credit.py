"""The sockets of a stream on which nothing may be lost (`--pace every`); the arithmetic of both ends is in_order.py.

A stream has a second one beside it that goes the other way and carries FramesWanted.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Generic, TypeVar

from common.ipc.in_order import Inbox, Outbox
from common.ipc.messages import FrameCaptured, FrameComposed, FramesWanted, RecordingEnded
from common.ipc.streams import Socket, SocketStream, receive, send
from common.metrics.counters import Counters

Numbered = FrameCaptured | FrameComposed | RecordingEnded
M = TypeVar("M", bound=Numbered)

DEEP_QUEUE = 512  # messages: more than the window of any ring, and what is sent again


def deep(stream: SocketStream) -> SocketStream:
    """Return a stream whose queues hold all that may be under way. A message that finds no room would come a fifth of a second later."""
    return replace(stream, queue=DEEP_QUEUE)


def number_of(message: Numbered) -> int:
    """Return the number of a message: that of its frame, and for the end the one after the last frame."""
    return message.number if isinstance(message, RecordingEnded) else message.frame.frame_id


class CreditedSender:
    """Sends messages in order, and again where the receiver lacks them.

    Args:
        socket: The stream's.
        wanted: Of the stream that brings FramesWanted.
        slots: Of the ring that the frames lie in: what is under way is never overwritten.
        counters: Count what is malformed.
    """

    def __init__(self, socket: Socket, wanted: Socket, slots: int, counters: Counters) -> None:
        self._socket, self.wanted_socket, self._counters = socket, wanted, counters
        # one slot is being filled, and a reader of the one before it would be lapped (common/ipc/ring.py)
        self._outbox: Outbox[Numbered] = Outbox(slots - 2)

    @property
    def has_room(self) -> bool:
        """Whether another message may be sent."""
        return self._outbox.has_room

    def send(self, message: Numbered) -> None:
        """Send a message, whose number follows that of the last one.

        Raises:
            RuntimeError: There is no credit for it.
        """
        self._outbox.add(message)
        send(self._socket, message)

    def serve(self) -> int:
        """Take what the receiver wants, and send again what it lacks. Return the number that it wants: it is done with all before."""
        if told := receive(self.wanted_socket, FramesWanted, self._counters):
            for message in self._outbox.want(told[-1].number):
                send(self._socket, message)
        return self._outbox.wanted


class CreditedReceiver(Generic[M]):
    """Receives messages in order, each once.

    Args:
        socket: The stream's.
        wanted: Of the stream that takes FramesWanted.
        kinds: Message classes of the stream.
        counters: Count what is malformed.
    """

    def __init__(self, socket: Socket, wanted: Socket, kinds: tuple[type[M], ...], counters: Counters) -> None:
        self.socket, self._wanted = socket, wanted
        self._kinds, self._counters = kinds, counters
        self._inbox = Inbox()

    def receive(self) -> list[M]:
        """Return what has come next since the last call, in order."""
        now_s = time.monotonic()
        messages = receive(self.socket, self._kinds, self._counters)
        return [message for message in messages if self._inbox.accept(number_of(message), now_s)]

    def tell(self, wanted: int) -> None:
        """Tell the sender the number of the first message that this process is not done with. Call it at every turn."""
        if self._inbox.should_tell(wanted, time.monotonic()):
            send(self._wanted, FramesWanted(wanted))
