"""The ring against memcpy, messages against pickle, a stream against a plain pipe."""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.ipc.codec import decode, encode
from common.ipc.messages import FrameCaptured, MasksInferred, Message
from common.ipc.records import FrameInfo, Instance
from common.ipc.ring import RingReader, RingWriter, new_epoch
from common.ipc.streams import FRAMES, bind, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.bench.table import print_table
from tests.bench.timing import medians_us

SIZES_WH = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
CAPACITY, ROUNDS, READERS = 8, 60, (1, 2, 3, 4)
PAUSE_S = 0.003
Frame = NDArray[np.uint8]


class Copies:
    """A ring with readers, and plain memory of the same shape and number; each goes round its slots."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._source = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        self._plain = [np.zeros(shape, np.uint8) for _ in range(CAPACITY)]
        self._into = [np.zeros(shape, np.uint8) for _ in READERS]
        self._ring = RingWriter("bench", shape, CAPACITY, new_epoch())
        self._readers = [RingReader(self._ring.name) for _ in READERS]
        self._turn = self._sequence = 0

    def write(self) -> None:
        """What capture does."""
        np.copyto(self._ring.claim(), self._source)
        self._sequence = self._ring.publish()

    def read(self, readers: int) -> None:
        """What each of so many readers does."""
        for reader, into in zip(self._readers[:readers], self._into, strict=False):
            assert reader.read(self._sequence, into)

    def memcpy(self) -> None:
        """The baseline of a write."""
        self._turn = (self._turn + 1) % CAPACITY
        np.copyto(self._plain[self._turn], self._source)

    def memcpy_back(self, readers: int) -> None:
        """The baseline of so many reads."""
        for into in self._into[:readers]:
            np.copyto(into, self._plain[self._turn])

    def close(self) -> None:
        """Remove the ring."""
        for reader in self._readers:
            reader.close()
        self._ring.close()


def other_ring(shape: tuple[int, int, int]) -> dict[str, Callable[[], object]]:
    """The same write and read through iceoryx2's shared memory, its newest sample only; nothing where it is not installed."""
    try:
        import iceoryx2
    except ImportError:
        return {}
    iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
    source, into = np.random.default_rng(0).integers(0, 255, shape, np.uint8), np.zeros(shape, np.uint8)
    node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
    name = iceoryx2.ServiceName.new(f"onlyme-bench-{os.getpid()}-{source.size}")
    kind = iceoryx2.Slice[ctypes.c_uint8]
    service = node.service_builder(name).publish_subscribe(kind).subscriber_max_buffer_size(CAPACITY).open_or_create()
    publisher = service.publisher_builder().initial_max_slice_len(source.size).create()
    subscriber = service.subscriber_builder().create()

    def write() -> None:
        sample = publisher.loan_slice_uninit(source.size)
        np.copyto(_pixels(sample.payload_ptr, shape), source)
        sample.assume_init().send()

    def read() -> None:
        sample = subscriber.receive()
        np.copyto(into, _pixels(sample.payload_ptr, shape))

    write()
    read()
    assert np.array_equal(into, source)
    kept = (node, service)  # they end what they made when they go
    return {"write": write, "read": lambda: read() if kept else None}


def _pixels(address: int, shape: tuple[int, int, int]) -> Frame:
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_uint8)), shape)


def ring() -> None:
    """A write and one to four reads."""
    rows = []
    for name, (width, height) in SIZES_WH.items():
        copies = Copies((height, width, 3))
        work: dict[str, Callable[[], object]] = {"memcpy": copies.memcpy}
        work |= {f"back {n}": partial(copies.memcpy_back, n) for n in READERS}
        work |= {"write": copies.write}
        work |= {f"read {n}": partial(copies.read, n) for n in READERS}
        other = other_ring((height, width, 3))
        work |= {f"iceoryx2 {name}": call for name, call in other.items()}
        took = medians_us(work, ROUNDS)
        copies.close()
        row: dict[str, object] = {"size": name, "memcpy us": took["memcpy"], "write us": took["write"]}
        for n in READERS:
            row[f"rate with {n}"] = (took["memcpy"] + took[f"back {n}"]) / (took["write"] + took[f"read {n}"])
        if other:
            of_other = took["iceoryx2 write"] + took["iceoryx2 read"]
            row["iceoryx2's with 1"] = (took["memcpy"] + took["back 1"]) / of_other
            row["ours / iceoryx2's"] = of_other / (took["write"] + took["read 1"])
        rows.append(row)
    print_table("ring: a write and so many reads, rate as a share of as many memcpys'", rows)


def messages() -> None:
    """Encoding and decoding against pickle, one way against a socket pair with the same bytes."""
    person = Instance(0, 0.9, (0.1, 0.1, 0.5, 0.9), 15, 15, bytes(225))
    kinds: dict[str, Message] = {
        "FrameCaptured": FrameCaptured(FrameInfo(1, 1, 1, 1, "onlyme-frames-1", 1, 720, 1280)),
        "MasksInferred of 7": MasksInferred(1, 1, 1, 1, "infer.1", "model", (person,) * 7),
    }
    rows = []
    for name, message in kinds.items():
        data, pickled = encode(message), pickle.dumps(message)
        took = medians_us(
            {
                "encode": partial(encode, message), "decode": partial(decode, data),
                "dumps": partial(pickle.dumps, message), "loads": partial(pickle.loads, pickled),
            }, 2000,
        )  # fmt: skip
        rows.append(
            {
                "message": name, "bytes": len(data), "encode us": took["encode"], "/ pickle": took["encode"] / took["dumps"],
                "decode us": took["decode"], "/ pickle.loads": took["decode"] / took["loads"],
            }
        )  # fmt: skip
    print_table("messages: decode also checks every field", rows)
    print_table("one way, from send to in hand", [_one_way(kinds["FrameCaptured"])])


def _one_way(message: Message) -> dict[str, object]:
    counters = Counters(logging.getLogger("bench"))
    data, (here, there) = encode(message), socket.socketpair()
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder, open_context() as context:
        run_dir = open_run_dir(Path(folder) / "run")
        publisher, subscriber = bind(context, FRAMES, run_dir), connect(context, FRAMES, run_dir)
        while not receive(subscriber, FrameCaptured, counters):
            send(publisher, message)
            subscriber.poll(20)
        while subscriber.poll(100):
            receive(subscriber, FrameCaptured, counters)

        def stream() -> None:
            send(publisher, message)
            if not subscriber.poll(100) or not receive(subscriber, FrameCaptured, counters):
                sys.exit("bench: a message was lost on an idle stream; run it again")

        def pair() -> None:
            here.sendall(data)
            there.recv(4096)

        # a publisher hears at most once a millisecond that its queue has been read, and drops when it believes it full
        took = medians_us({"stream": stream, "pair": pair, "pause": partial(time.sleep, PAUSE_S)}, 500)
    here.close()
    there.close()
    return {"stream us": took["stream"], "socket pair us": took["pair"], "ratio": took["stream"] / took["pair"]}
