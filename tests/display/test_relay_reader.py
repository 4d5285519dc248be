"""Tests a display that watches a relay, which may be hostile."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import cv2
import pytest
import zmq

from common.errors import ConfigError, MessageError
from common.ipc.codec import decode, encode
from common.ipc.fields import MAX_INT
from common.ipc.messages import MAX_PIXELS, CommandIssued, FrameComposed, PictureRelayed
from common.ipc.records import FrameInfo, SetPrivacy
from common.ipc.streams import Socket, open_context
from common.metrics.counters import Counters
from common.vision.arrays import BgrImage
from display.commands import CommandQueue
from display.meter import Meter, describe
from display.relay_reader import RelayClock, RelayReader, open_relay_reader
from display.settings import DisplaySettings
from tests.display.test_jpeg import jpeg, saying
from tests.processes.neighbours import wait_for

S = 1_000_000_000
R = TypeVar("R", FrameInfo, FrameComposed, PictureRelayed)


class Relay:
    """Plays a relay, and holds the reader that is connected to it."""

    def __init__(self, socket: Socket, relayed: RelayReader, counters: Counters) -> None:
        self.socket, self.relayed, self.counters = socket, relayed, counters
        self.identity = b""

    def heard(self) -> object:
        """Return the display's next message."""
        *_, (self.identity, data) = [self.socket.recv_multipart()]
        return decode(data)

    def shows(self, message: PictureRelayed) -> tuple[FrameComposed, BgrImage] | None:
        """Send a picture; return what the reader makes of it."""
        self.socket.send_multipart([self.identity, encode(message)])
        assert self.relayed.socket.poll(5000)
        return next(self.relayed.receive(), None)


def picture(data: bytes = jpeg(12, 16), **changed: Any) -> PictureRelayed:
    """A relayed picture; `changed` holds fields of it, of its composite, or of the composite's frame."""

    def with_changes(record: R) -> R:
        names = {field.name for field in fields(record)}
        return replace(record, **{name: value for name, value in changed.items() if name in names})

    frame = with_changes(FrameInfo(1, 1, 1, 0, "", 0, 12, 16))
    composite = with_changes(FrameComposed(frame, 1, "live", "", 1.0, True, "model"))
    return with_changes(PictureRelayed(1, 1, composite, data))


@pytest.fixture
def relay(counters: Counters) -> Iterator[Relay]:
    with open_context() as context:
        socket: Socket = context.socket(zmq.ROUTER)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        settings = DisplaySettings(connect=f"tcp://127.0.0.1:{port}")
        relay = Relay(socket, open_relay_reader(context, settings, counters), counters)

        def greeted() -> bool:
            relay.relayed._said_at = 0.0
            assert list(relay.relayed.receive()) == []
            return bool(socket.poll(20))

        wait_for("its greeting", greeted)
        relay.heard()
        yield relay


def png(height: int, width: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(bytes(height * (1 + 3 * width)), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(12, 16), (12, 16)), (png(2048, 2048), (12, 16)), (jpeg(12, 16), (16, 12)),
        (saying(4096, 8192, jpeg(64, 64)), (4096, 8192)), (saying(4096, 16383, jpeg(64, 64)), (12, 16)),
    ],
)  # fmt: skip
def test_only_a_jpeg_of_the_size_in_the_message_is_decoded(
    data: bytes, size: tuple[int, int], relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of 700 bytes made the display allocate 192 MB and work for 0.2 s, as often as the relay liked."""
    decoded: list[int] = []
    monkeypatch.setattr(cv2, "imdecode", lambda *_: decoded.append(1))
    assert relay.shows(picture(data, height=size[0], width=size[1])) is None
    assert (decoded, str(relay.counters)) == ([], "picture not the JPEG it says 1")


def test_a_valid_picture_is_shown(relay: Relay) -> None:
    shown = relay.shows(picture())
    assert shown is not None and shown[1].shape == (12, 16, 3)


@pytest.mark.parametrize(
    "field", ["captured_ns", "composed_ns", "sent_ns", "number", "epoch", "frame_id", "source_index"]
)
def test_no_number_in_a_message_ends_the_display(field: str, relay: Relay) -> None:
    changed: dict[str, Any] = {field: MAX_INT}
    shown = relay.shows(picture(**changed))
    assert shown is not None
    message, now_ns = shown[0], time.monotonic_ns()
    assert 0 <= message.frame.captured_ns <= now_ns and 0 <= message.composed_ns <= now_ns, (
        "the picture is not from the future"
    )
    meter = Meter()
    meter.add(message, now_ns)
    assert describe(message, meter.read())
    CommandQueue(relay.relayed.socket, relay.counters, relay.relayed.now_ns).add(message.frame.epoch, SetPrivacy(True))
    assert list(relay.relayed.receive()) == [], "the reader goes on"


def test_a_message_with_too_large_a_picture_is_refused() -> None:
    with pytest.raises(MessageError, match=r"height \* width: expected"):
        picture(height=16384, width=16384)
    assert picture(height=4320, width=8192).composite.frame.height * 8192 == MAX_PIXELS


def test_the_instance_view_is_refused_for_a_display_of_a_relay(counters: Counters) -> None:
    with open_context() as context, pytest.raises(ConfigError, match=r"--view instances: .* got --connect tcp://127"):
        open_relay_reader(context, DisplaySettings(connect="tcp://127.0.0.1:5", view="instances"), counters)


@pytest.mark.parametrize("off_ns", [0, 10**6 * S, -(10**6) * S])
def test_the_relay_clock_finds_the_difference_of_the_clocks(off_ns: int) -> None:
    """The estimate is right but for the travel time of the fastest picture, whatever the clocks show."""
    clock, way_ns = RelayClock(), (5_000_000, 2_000_000, 90_000_000)
    now_ns = 2 * 10**6 * S
    found = [clock.arrived(now_ns + n * S - off_ns - took, now_ns + n * S) for n, took in enumerate(way_ns)]
    assert found == [off_ns + least for least in (5_000_000, 2_000_000, 2_000_000)]


@pytest.mark.parametrize("off_ns", [0, 3600 * S, 10**6 * S])
def test_a_command_has_a_time_of_the_relays_clock(off_ns: int, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose compares a command's time with its own clock, which has nothing in common with the viewer's."""
    theirs = time.monotonic_ns
    monkeypatch.setattr(time, "monotonic_ns", lambda: theirs() + off_ns)
    commands = CommandQueue(relay.relayed.socket, relay.counters, relay.relayed.now_ns)
    sent_ns = theirs()
    assert relay.shows(picture(sent_ns=sent_ns, epoch=7)) is not None
    relay.heard()
    before_ns = theirs()
    commands.add(7, SetPrivacy(False))
    commands.flush()
    issued = relay.heard()
    assert isinstance(issued, CommandIssued) and (issued.epoch, issued.command) == (7, SetPrivacy(False))
    assert sent_ns <= issued.issued_ns <= theirs(), "between the picture and now"
    assert before_ns - issued.issued_ns < S


def test_the_age_of_a_command_that_nobody_takes_is_measured_by_the_relays_clock(
    counters: Counters, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_context() as context:
        socket: Socket = context.socket(zmq.PUSH)
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.connect(f"ipc://{tmp_path}/nobody")
        now_ns = 5
        commands = CommandQueue(socket, counters, lambda: now_ns)
        commands.add(1, SetPrivacy(True))
        commands.flush()
        assert not str(counters)
        now_ns += 2 * S
        commands.flush()
        assert "nobody takes it" in str(counters)
