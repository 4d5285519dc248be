"""The streams between the stages: this table is the architecture.

stream      from → to             pixels                       facts                          lossy where
frames      capture → compose     ring `frames`                FrameCaptured, every frame;    a slow compose skips to the newest
                                                               SourceLost
work        infer ↔ capture       ring `frames`                WorkRequested → FrameCaptured  each frame goes to one worker at most
masks       infer → compose       in the message (small map)   MasksInferred                  late, stale or foreign results are dropped
composites  compose → displays    ring `composites`            FrameComposed, every frame     a slow display skips to the newest
control     displays → compose    -                            CommandIssued                  late or foreign commands are refused
schedule    compose → infer       -                            InferenceScheduled, on change  the next one comes within a second
loads       all → compose         -                            LoadReported, once a second    the next one comes within a second

Every stream is one ZeroMQ ipc endpoint in the run folder. The side that owns the stream binds, so stages may start
and restart in any order. Queues are short: what is late is of no use, and a stalled peer must cost no memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import zmq

from common.errors import ConfigError, MessageError
from common.ipc.codec import MAX_MESSAGE_BYTES, decode, encode
from common.ipc.messages import (
    CommandIssued,
    FrameCaptured,
    FrameComposed,
    InferenceScheduled,
    LoadReported,
    MasksInferred,
    Message,
    PictureRelayed,
    SourceLost,
    ViewerReady,
    WorkRequested,
)
from common.metrics.counters import Counters

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]
M = TypeVar(
    "M", FrameCaptured, WorkRequested, MasksInferred, FrameComposed, FrameCaptured | SourceLost, CommandIssued, PictureRelayed,
    ViewerReady | CommandIssued, LoadReported, InferenceScheduled,
)  # fmt: skip
FRAME_FACTS: tuple[type[FrameCaptured | SourceLost], ...] = (FrameCaptured, SourceLost)

LONGEST_IPC_PATH = 107  # bytes in sockaddr_un.sun_path, less the closing NUL; libzmq refuses longer ones


@dataclass(frozen=True, slots=True)
class Stream:
    """One row of the table: who binds with which socket, who connects with which, how much may queue, slots of its ring."""

    name: str
    binds: int
    connects: int
    queue: int
    slots: int = 0


# slots for a sixth of a second: compose takes the newest frame, a worker is handed it when it is new, and a recorder may hiccup
FRAMES = Stream("frames", binds=zmq.PUB, connects=zmq.SUB, queue=8, slots=5)
WORK = Stream("work", binds=zmq.ROUTER, connects=zmq.DEALER, queue=4)
MASKS = Stream("masks", binds=zmq.PULL, connects=zmq.PUSH, queue=2)
COMPOSITES = Stream("composites", binds=zmq.PUB, connects=zmq.SUB, queue=16, slots=6)
CONTROL = Stream("control", binds=zmq.PULL, connects=zmq.PUSH, queue=16)
SCHEDULE = Stream("schedule", binds=zmq.PUB, connects=zmq.SUB, queue=8)
LOADS = Stream("loads", binds=zmq.PULL, connects=zmq.PUSH, queue=16)
STREAMS = (FRAMES, WORK, MASKS, COMPOSITES, CONTROL, SCHEDULE, LOADS)


@contextmanager
def open_context() -> Iterator[Context]:
    """The process's one ZeroMQ context; on leaving, its sockets are closed and nothing lingers."""
    context: Context = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


def bind(context: Context, stream: Stream, run_dir: Path) -> Socket:
    """The owner's end of a stream.

    ZeroMQ lets two processes bind one ipc path, and the first then talks to nobody: the caller must hold the
    stream's lock (common/runtime/run_dir.py `writer_lock`).
    """
    socket = _socket(context, stream, stream.binds)
    socket.bind(endpoint(stream, run_dir))
    return socket


def connect(context: Context, stream: Stream, run_dir: Path) -> Socket:
    """A peer's end of a stream; the owner may start later or restart."""
    socket = _socket(context, stream, stream.connects)
    socket.connect(endpoint(stream, run_dir))
    return socket


def send(socket: Socket, message: Message) -> bool:
    """Send without ever waiting; False where there is no peer or its queue is full."""
    try:
        socket.send(encode(message), zmq.NOBLOCK)
    except zmq.Again:
        return False
    return True


def receive(socket: Socket, kind: type[M] | tuple[type[M], ...], counters: Counters) -> list[M]:
    """All messages of these kinds that wait at the socket, oldest first; anything else is counted and dropped."""
    messages: list[M] = []
    while (data := _next_part(socket)) is not None:
        message = parse(data, kind, counters)
        if message is not None:
            messages.append(message)
    return messages


def parse(data: bytes, kind: type[M] | tuple[type[M], ...], counters: Counters) -> M | None:
    """The message in `data`, or None, counted, where it is malformed or of another kind."""
    try:
        message = decode(data)
    except MessageError as error:
        counters.count("message", "malformed", str(error))
        return None
    if not isinstance(message, kind):
        counters.count("message", "unexpected kind", type(message).__name__)
        return None
    return message


class PeerWatch:
    """Notices at once that the other side of a connected socket has died: the kernel closes its end for it.

    Args:
        socket: Whose other side.
        failed_too: Whether being turned away counts as well.
    """

    def __init__(self, socket: Socket, failed_too: bool = False) -> None:
        refused = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL if failed_too else 0
        self.socket: Socket = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | refused)

    def is_gone(self) -> bool:
        """True once for every time the other side went away since the last call."""
        gone = False
        while self.socket.poll(0):
            self.socket.recv_multipart()  # which event it is, was asked for; zmq.utils.monitor would load asyncio
            gone = True
        return gone


def _next_part(socket: Socket) -> bytes | None:
    try:
        return socket.recv(zmq.NOBLOCK)
    except zmq.Again:
        return None


def _socket(context: Context, stream: Stream, kind: int) -> Socket:
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = stream.queue
    socket.rcvhwm = stream.queue
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    if kind in (zmq.PUSH, zmq.DEALER):
        socket.setsockopt(zmq.IMMEDIATE, 1)  # queue only for a peer that is there
    if kind == zmq.ROUTER:
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a worker that is gone is an error, not a silent loss
    if kind == zmq.SUB:
        socket.subscribe(b"")
    return socket


def endpoint(stream: Stream, run_dir: Path) -> str:
    """ZeroMQ address of a stream.

    Raises:
        ConfigError: The path is longer than a Unix socket may have.
    """
    path = run_dir / stream.name
    if len(os.fsencode(path)) > LONGEST_IPC_PATH:
        raise ConfigError(
            f"--run-dir: expected a path that leaves room for socket names ({LONGEST_IPC_PATH} bytes in all), "
            f"got {len(os.fsencode(path))} bytes: {path}; choose a shorter folder"
        )
    return f"ipc://{path}"


if sys.byteorder != "little":  # pragma: no cover
    raise RuntimeError("onlyme: the ring's layout is little-endian")
