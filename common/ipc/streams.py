"""Every channel between processes is a row of STREAMS: this table is the architecture.

The side that owns a socket's stream binds it, so stages may start and restart in any order. Queues are short: what is late
is of no use, and a stalled peer must cost no memory. Pixels lie in rings in shared memory (common/ipc/ring.py), and messages
say where.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import zmq

from common.errors import ConfigError, MessageError
from common.ipc.codec import MAX_MESSAGE_BYTES, decode, encode
from common.ipc.messages import (
    CommandIssued,
    FrameCaptured,
    FrameComposed,
    FramesWanted,
    InferenceScheduled,
    LoadReported,
    MasksInferred,
    Message,
    PictureRelayed,
    RecordingEnded,
    SourceIdle,
    SourceLost,
    SourceNotice,
    ViewerReady,
    ViewersPresent,
    WorkAssigned,
    WorkRequested,
)
from common.metrics.counters import Counters
from common.runtime.run_dir import remember_file

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]
M = TypeVar("M", bound=Message)

LONGEST_IPC_PATH = 107  # bytes in sockaddr_un.sun_path, less the closing NUL; libzmq refuses longer ones


class Transport(StrEnum):
    """What carries a stream."""

    IPC = "ipc socket"  # of ZeroMQ, in the run folder
    TCP = "tcp socket"  # of ZeroMQ, encrypted
    PAGE = "shared page"  # of anonymous memory
    FILE = "file"  # in the run folder


@dataclass(frozen=True, slots=True)
class Stream:
    """One row of the table.

    name: Of the stream; also of its socket, its lock and its ring.
    route: From which process to which.
    transport: What carries it.
    contents: Message classes, or in words what is written where no messages travel.
    rate: How often.
    lost: What is lost where a reader is slow, or where a message comes too late.
    """

    name: str
    route: str
    transport: Transport
    contents: tuple[type[Message], ...] | str
    rate: str
    lost: str


@dataclass(frozen=True, slots=True)
class SocketStream(Stream):
    """A stream of messages through ZeroMQ.

    binder: The process that binds; it owns the stream.
    binds, connects: Kind of its socket, and of its peers'.
    queue: Messages that may wait at each end.
    slots: Frames in the ring in shared memory that the owner writes, 0 for no ring.
    """

    contents: tuple[type[Message], ...]
    binder: str
    binds: int
    connects: int
    queue: int
    slots: int = 0


FRAME_MESSAGES: tuple[type[FrameCaptured | SourceNotice | SourceLost | SourceIdle], ...] = (
    FrameCaptured, SourceNotice, SourceLost, SourceIdle,
)  # fmt: skip
FRAMES = SocketStream(
    "frames", "capture → compose", Transport.IPC, (*FRAME_MESSAGES, RecordingEnded), "every frame",
    "a slow compose skips to the newest frame", "capture", zmq.PUB, zmq.SUB, queue=8,
    slots=5,  # a sixth of a second: compose takes the newest frame, and a worker is given a frame while it is new
)  # fmt: skip
WORK = SocketStream(
    "work", "infer ↔ capture", Transport.IPC, (WorkRequested, WorkAssigned), "whenever a worker is idle",
    "a frame goes to one worker at most, and most go to none", "capture", zmq.ROUTER, zmq.DEALER, queue=4,
)  # fmt: skip
MASKS = SocketStream(
    "masks", "infer → compose", Transport.IPC, (MasksInferred,), "every result",
    "results that are late, stale or of another epoch are dropped", "compose", zmq.PULL, zmq.PUSH, queue=2,
)  # fmt: skip
COMPOSITES = SocketStream(
    "composites", "compose → displays, relay", Transport.IPC, (FrameComposed, RecordingEnded), "every frame",
    "a slow display misses overwritten composites; the relay takes the newest", "compose", zmq.PUB, zmq.SUB, queue=16,
    slots=6,  # a fifth of a second: a recorder may hiccup
)  # fmt: skip
CONTROL = SocketStream(
    "control", "displays, relay → compose", Transport.IPC, (CommandIssued,), "whenever a viewer wants something",
    "commands that are late or for another epoch are refused", "compose", zmq.PULL, zmq.PUSH, queue=16,
)  # fmt: skip
SCHEDULE = SocketStream(
    "schedule", "compose → infer", Transport.IPC, (InferenceScheduled,), "on change, and every second",
    "the next one comes within a second", "compose", zmq.PUB, zmq.SUB, queue=8,
)  # fmt: skip
LOADS = SocketStream(
    "loads", "all others → compose", Transport.IPC, (LoadReported,), "every second",
    "the next one comes within a second", "compose", zmq.PULL, zmq.PUSH, queue=16,
)  # fmt: skip
VIEWERS = SocketStream(
    "viewers", "displays, relay → capture", Transport.IPC, (ViewersPresent,), "twice a second while anybody looks",
    "the next one comes within half a second", "capture", zmq.PULL, zmq.PUSH, queue=4,
)  # fmt: skip
FRAMES_WANTED = SocketStream(
    "frames-wanted", "compose → capture", Transport.IPC, (FramesWanted,), "with `--pace every`, whenever a frame was taken",
    "the next one comes within a fifth of a second", "capture", zmq.PULL, zmq.PUSH, queue=16,
)  # fmt: skip
COMPOSITES_WANTED = SocketStream(
    "composites-wanted", "display → compose", Transport.IPC, (FramesWanted,), "with `--pace every`, whenever a composite was taken",
    "the next one comes within a fifth of a second", "compose", zmq.PULL, zmq.PUSH, queue=16,
)  # fmt: skip
REMOTE = SocketStream(
    "remote", "relay ↔ displays elsewhere", Transport.TCP, (PictureRelayed, ViewerReady, CommandIssued),
    "every composite, for each viewer that took the last ones", "a slow viewer gets the newest picture next", "relay",
    zmq.ROUTER, zmq.DEALER, queue=6,  # pictures on their way to one viewer: 200 ms there and back at 30 a second
)  # fmt: skip
HEARTBEAT = Stream(
    "heartbeat", "a stage's child → its parent", Transport.PAGE, "time of the loop's last turn, level of the log",
    "every turn of a loop", "nothing: the newest value counts",
)  # fmt: skip
METRICS = Stream(
    "metrics", "every process → displays", Transport.FILE, "one JSON file a process with counters, gauges and summaries",
    "every second", "nothing: the newest file counts",
)  # fmt: skip
IPC_STREAMS = (FRAMES, WORK, MASKS, COMPOSITES, CONTROL, SCHEDULE, LOADS, VIEWERS, FRAMES_WANTED, COMPOSITES_WANTED)
STREAMS: tuple[Stream, ...] = (*IPC_STREAMS, REMOTE, HEARTBEAT, METRICS)


@contextmanager
def open_context() -> Iterator[Context]:
    """Open the process's one ZeroMQ context; on leaving, its sockets are closed and nothing lingers."""
    context: Context = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


def bind(context: Context, stream: SocketStream, run_dir: Path) -> Socket:
    """Return the owner's end of an ipc stream.

    ZeroMQ lets two processes bind one ipc path, and the first then talks to nobody: the caller must hold the
    stream's lock (common/runtime/run_dir.py `writer_lock`).

    Raises:
        ConfigError: No socket can be made in the run folder, as on some shared folders of virtual machines.
    """
    socket = new_socket(context, stream, stream.binds)
    try:
        socket.bind(endpoint(stream, run_dir))
    except zmq.ZMQError as error:
        raise ConfigError(
            f"--run-dir: expected a folder in which sockets can be made, got {run_dir} ({error.strerror}); choose another"
        ) from None
    remember_file(run_dir / stream.name)
    return socket


def connect(context: Context, stream: SocketStream, run_dir: Path) -> Socket:
    """Return a peer's end of an ipc stream; the owner may start later or restart."""
    socket = new_socket(context, stream, stream.connects)
    socket.connect(endpoint(stream, run_dir))
    return socket


def send(socket: Socket, message: Message) -> bool:
    """Send without ever waiting; return False where there is no peer or its queue is full."""
    try:
        socket.send(encode(message), zmq.NOBLOCK)
    except zmq.Again:
        return False
    return True


def receive(socket: Socket, kinds: type[M] | tuple[type[M], ...], counters: Counters) -> list[M]:
    """Return all messages of these kinds that wait at the socket, oldest first; count and drop anything else."""
    messages: list[M] = []
    while (data := _next_part(socket)) is not None:
        message = parse(data, kinds, counters)
        if message is not None:
            messages.append(message)
    return messages


def parse(data: bytes, kinds: type[M] | tuple[type[M], ...], counters: Counters) -> M | None:
    """Return the message in `data`, or None, counted, where it is malformed or of another kind."""
    try:
        message = decode(data)
    except MessageError as error:
        counters.count("message", "malformed", str(error))
        return None
    if not isinstance(message, kinds):
        counters.count("message", "unexpected kind", type(message).__name__)
        return None
    return message


class PeerWatch:
    """Notices at once that the other side of a connected socket has died: the kernel closes its end for it.

    Args:
        socket: The connected socket.
        failed_too: Whether a refused handshake counts as well.
    """

    def __init__(self, socket: Socket, failed_too: bool = False) -> None:
        refused = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL if failed_too else 0
        self.socket: Socket = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | refused)

    def is_gone(self) -> bool:
        """Return True once for every time the other side went away since the last call."""
        gone = False
        while self.socket.poll(0):
            self.socket.recv_multipart()  # only the events asked for come; zmq.utils.monitor, which reads them, loads asyncio
            gone = True
        return gone


def _next_part(socket: Socket) -> bytes | None:
    try:
        return socket.recv(zmq.NOBLOCK)
    except zmq.Again:
        return None


def new_socket(context: Context, stream: SocketStream, kind: int) -> Socket:
    """Return a socket with the limits of a stream; it is neither bound nor connected."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = stream.queue
    socket.rcvhwm = stream.queue
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    if kind in (zmq.PUSH, zmq.DEALER):
        socket.setsockopt(zmq.IMMEDIATE, 1)  # queue only for a peer that is there
    if kind == zmq.ROUTER:
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a peer that is gone is an error, not a silent loss
    if kind == zmq.SUB:
        socket.subscribe(b"")
    return socket


def endpoint(stream: SocketStream, run_dir: Path) -> str:
    """Return the ZeroMQ address of an ipc stream.

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
