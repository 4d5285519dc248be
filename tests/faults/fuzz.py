"""Garbage for every port that listens: the page, the relay with and without keys, the streams in the run folder.

Half of it are whole inputs of the protocol with something wrong in them, half anything at all.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgpack
import zmq

from common.errors import MessageError
from common.ipc.codec import decode, encode
from common.ipc.messages import (
    CommandIssued,
    FrameCaptured,
    MasksInferred,
    Message,
    SourceNotice,
    ViewerReady,
    WorkAssigned,
    WorkRequested,
)
from common.ipc.records import FrameInfo, Instance, SelectSubject, SelectSubjectAt, SetBackground, SetPrivacy
from common.ipc.streams import COMPOSITES, CONTROL, FRAMES, MASKS, WORK, Context, endpoint
from display.relay.keyring import ViewerKey
from display.relay.sockets import connect_relay

PATIENCE_S = 0.05
HEAR_S = 0.01  # for an answer: most of the ports say nothing
LARGEST = 200_000  # bytes of one input
# ZMTP 3.1: signature, version, mechanism, as-server, filler; then a READY command
GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" * 32
CURVE_GREETING = GREETING.replace(b"NULL\0", b"CURVE")
READY = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
HELLO = b"\x04\xc6\x05HELLO\x01\x00" + b"\0" * 72 + b"k" * 32 + b"\0" * 7 + b"\x01" + b"s" * 80
PERSON = Instance(0, 0.9, (0.1, 0.1, 0.5, 0.9), 15, 15, bytes(225))
WHOLE: tuple[Message, ...] = (
    FrameCaptured(FrameInfo(1, 1, 1, 1, "s", 1, 36, 64)),
    SourceNotice("no camera"),
    WorkRequested("infer.1"),
    WorkAssigned(FrameInfo(1, 1, 1, 1, "s", 1, 36, 64), 2),
    MasksInferred(1, 1, 1, 1, "w", "m", (PERSON, PERSON)),
    CommandIssued(1, 1, SetPrivacy(True)),
    CommandIssued(1, 1, SelectSubject(1)),
    CommandIssued(1, 1, SelectSubjectAt(0.5, 0.5)),
    CommandIssued(1, 1, SetBackground("blur")),
    ViewerReady(3),
)


class Garbage:
    """Makes inputs, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def http(self, host: str, token: str) -> bytes:
        """A request that is wrong somewhere; half of them show the token, else none gets beyond the guard."""
        choose = self._random.choice
        method = choose(("GET", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PRI", "G\0T", ""))
        path = choose(
            (
                "/",
                "/wish",
                "/picture.mjpg/..",
                "/../../etc/passwd",
                "/%2e%2e/",
                "/facts?" + "a" * 9000,
                "*",
                "//x",
                "/metrics#",
                "/\xff",
            )
        )
        body = choose(
            (
                b"",
                b"{",
                b"[" * 9000,
                b'{"privacy":[false]}',
                json.dumps({"subject": ["x" * 500]}).encode(),
                self._any(3000),
            )
        )
        length = choose((len(body), -1, 10**12, "x", len(body) + 7, ""))
        heads = [
            f"Host: {choose((host, 'evil.example', '127.0.0.1', '', '[::1', 'localhost:' + '9' * 99))}",
            f"Content-Length: {length}",
            choose(("", "Content-Type: application/json", "Content-Type: text/plain")),
            choose(("", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Expect: 100-continue", "Upgrade: websocket\r\nConnection: Upgrade")),
            choose(("", "Cookie: onlyme=" + "a" * 43, "Cookie: onlyme=\xe9", "Cookie: " + ";=" * 500)),
            choose(("", f"Authorization: Bearer {token}")),
            choose(("", "Origin: null", f"Origin: http://{host}", "Sec-Fetch-Site: cross-site")),
            choose(("", "X: " + "y" * self._random.choice((10, 20_000, 100_000)), "A: b\r\n" * 2000, "\0: \0", " folded")),
        ]  # fmt: skip
        text = f"{method} {path} HTTP/{choose(('1.1', '1.0', '9.9', '2', ''))}\r\n" + "".join(
            f"{h}\r\n" for h in heads if h
        )
        return self._maybe_broken(text.encode("latin-1") + b"\r\n" + body)

    def zmtp(self) -> bytes:
        """The beginning of a connection, and what may follow it."""
        choose = self._random.choice
        start = choose((GREETING, CURVE_GREETING, GREETING[:10], b""))
        then = choose((READY, HELLO, b"\x06\xff" * 40, b"\x02" + b"\xff" * 8, self._any(300), b""))
        frame = self.message()
        return self._maybe_broken(start + then + bytes([choose((0, 1, 4)), len(frame) % 256]) + frame)

    def message(self) -> bytes:
        """What no message is."""
        while True:
            choice = self._random.random()
            if choice < 0.5:
                data = self._broken(encode(self._random.choice(WHOLE)))
            elif choice < 0.8:
                data = msgpack.packb(self._value(4))
            else:
                data = self._any(self._random.choice((0, 1, 50, 5000, LARGEST)))
            try:
                decode(data)
            except MessageError:
                return data

    def anything(self, number: int) -> int:
        """A whole number less than `number`."""
        return self._random.randrange(number)

    def _value(self, depth: int) -> object:
        kind = self._random.randrange(9 if depth else 6)
        if kind >= 6:
            return [self._value(depth - 1) for _ in range(self._random.randrange(12))]
        return (None, 2**63, -1, float("nan"), "x" * self._random.randrange(300), self._any(40))[kind]

    def _any(self, length: int) -> bytes:
        return self._random.randbytes(self._random.randrange(length + 1))

    def _maybe_broken(self, data: bytes) -> bytes:
        return self._broken(data) if self._random.random() < 0.5 else data

    def _broken(self, data: bytes) -> bytes:
        made = bytearray(data)
        for _ in range(self._random.randrange(1, 6)):
            at = self._random.randrange(len(made) + 1)
            match self._random.randrange(4):
                case 0:
                    made[at : at + 1] = self._random.randbytes(1)
                case 1:
                    del made[at:]
                case 2:
                    made[at:at] = self._any(20)
                case _:
                    del made[at : at + self._random.randrange(9)]
        return bytes(made[:LARGEST])


Address = tuple[str, int] | str


def throw(address: Address, data: bytes) -> socket.socket | None:
    """Connect, say it, and hear a little; the connection, still open."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.settimeout(PATIENCE_S)
    try:
        plain.connect(address)
        plain.sendall(data)
    except OSError:  # hung up on before all of it was said
        plain.close()
        return None
    return plain


class Thrower:
    """Throws garbage at the ports of one call.

    Args:
        context: For connections that speak ZMTP rightly and then say garbage.
        run_dir: Of the call.
        page: Port and token of the page.
        relay: Address of the relay.
        key: Whose garbage comes after the handshake.
        seed: Of the garbage.
    """

    HELD = 40  # connections that are never finished, at any time

    def __init__(
        self, context: Context, run_dir: Path, page: tuple[int, str], relay: str, key: ViewerKey | None, *, seed: int
    ) -> None:
        self._garbage, self._held = Garbage(seed), list[socket.socket]()
        port, self._token = page
        self._page = ("127.0.0.1", port)
        self._ports: list[Address] = [("127.0.0.1", int(relay.rpartition(":")[2]))]
        self._ports += [endpoint(s, run_dir).removeprefix("ipc://") for s in (FRAMES, WORK, MASKS, COMPOSITES, CONTROL)]
        ends = [(zmq.PUSH, endpoint(s, run_dir)) for s in (MASKS, CONTROL)]
        ends += [(zmq.DEALER, endpoint(WORK, run_dir)), (zmq.XSUB, endpoint(FRAMES, run_dir)), (zmq.XSUB, endpoint(COMPOSITES, run_dir))]  # fmt: skip
        self._sockets = [connect_relay(context, relay, key)]
        self._sockets[0].sndtimeo = 200
        for kind, address in ends:
            made = context.socket(kind)
            made.linger, made.sndtimeo = 0, 200
            made.connect(address)
            self._sockets.append(made)
        self.ways: tuple[Callable[[], None], ...] = (self._ask, self._ask, self._greet, self._say, self._say)
        self.thrown = dict.fromkeys((way.__name__.strip("_") for way in self.ways), 0)

    def throw(self, number: int) -> None:
        """So many inputs, one after the other, over all ports."""
        for _ in range(number):
            way = self.ways[self._garbage.anything(len(self.ways))]
            way()
            self.thrown[way.__name__.strip("_")] += 1

    def close(self) -> None:
        """Leave nothing open."""
        for plain in self._held:
            plain.close()
        for made in self._sockets:
            made.close()

    def _ask(self) -> None:
        self._end(throw(self._page, self._garbage.http(f"127.0.0.1:{self._page[1]}", self._token)))

    def _greet(self) -> None:
        self._end(throw(self._ports[self._garbage.anything(len(self._ports))], self._garbage.zmtp()))

    def _say(self) -> None:
        parts = [self._garbage.message() for _ in range(1 + self._garbage.anything(3) // 2)]
        made = self._sockets[self._garbage.anything(len(self._sockets))]
        with suppress(zmq.Again):
            made.send_multipart(parts)

    def _end(self, plain: socket.socket | None) -> None:
        """One in eight stays open and says nothing more; the oldest of them goes."""
        if plain is None:
            return
        if self._garbage.anything(8) == 0:
            self._held.append(plain)
            plain = self._held.pop(0) if len(self._held) > self.HELD else None
        if plain is not None:
            with suppress(OSError):
                if self._garbage.anything(2):
                    plain.shutdown(socket.SHUT_WR)
                    plain.settimeout(HEAR_S)
                    plain.recv(1000)
            plain.close()
