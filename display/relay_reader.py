"""Reads composites of a relay on another machine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np

from common.errors import ConfigError
from common.ipc.fields import MAX_INT
from common.ipc.messages import INSTANCES, FrameComposed, PictureRelayed, ViewerReady
from common.ipc.streams import Context, PeerWatch, Socket, receive, send
from common.metrics.counters import Counters
from common.runtime.install import KEYS_COMMAND
from common.vision.arrays import BgrImage
from display.address import is_loopback
from display.jpeg import size_of
from display.relay.keyring import read_viewer_key
from display.relay.sockets import connect_relay
from display.settings import DisplaySettings

HELLO_EVERY_S = 1.0
FORGET_S = 30.0


class RelayClock:
    """Estimates how far this machine's clock is ahead of the relay's. Pure.

    The clocks have nothing in common. The fastest picture of the last FORGET_S is assumed to arrive at once, so a delay
    is how much longer than the fastest a picture took. The travel time of the fastest one cannot be known.
    """

    def __init__(self) -> None:
        self._least: deque[tuple[int, int]] = deque()  # (arrival, our clock less theirs), ns, with rising differences

    def arrived(self, sent_ns: int, arrival_ns: int) -> int:
        """Record a picture sent at `sent_ns` of the relay's clock. Return our clock less the relay's, ns."""
        ahead = arrival_ns - sent_ns
        while self._least and self._least[-1][1] >= ahead:
            self._least.pop()
        self._least.append((arrival_ns, ahead))
        while arrival_ns - self._least[0][0] > FORGET_S * 1e9:
            self._least.popleft()
        return self._least[0][1]

    def restart(self) -> None:
        """Forget the estimate: the next picture comes from another relay."""
        self._least.clear()


class RelayReader:
    """Reads the newest composite that a relay has sent and skips older ones. Converts times to this machine's clock.

    The relay may be hostile: no message ends this display, and a picture is decoded only if its header says that it is a
    JPEG of the size in the message.
    """

    blank_after_s = 2.0
    stale_after_s: float | None = 0.5
    gone_text = "the relay has stopped, or does not accept this key: trying again"
    silent_text = "no picture comes from the relay: waiting for one"

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self.socket = socket
        self._relay = PeerWatch(socket, failed_too=True)
        self._counters = counters
        self._clock = RelayClock()
        self._ahead_ns = 0
        self._said_at = 0.0
        self._taken = 0

    def is_gone(self) -> bool:
        """Return True once for every time that the relay ended or refused this display."""
        gone = self._relay.is_gone()
        if gone:
            self._clock.restart()
        return gone

    def now_ns(self) -> int:
        """Return what the relay's clock shows now, ns. Commands carry times of that clock. Meaningless before the first picture."""
        return min(max(0, time.monotonic_ns() - self._ahead_ns), MAX_INT)

    def receive(self) -> Iterator[tuple[FrameComposed, BgrImage]]:
        """Yield only the newest composite that has come since the last call; see CompositeSource."""
        messages = receive(self.socket, PictureRelayed, self._counters)
        now = time.monotonic()
        if messages:
            self._taken = messages[-1].number
        if messages or now - self._said_at > HELLO_EVERY_S:
            self._said_at = now
            send(self.socket, ViewerReady(self._taken))
        if not messages:
            return
        if len(messages) > 1:
            self._counters.count("picture", "skipped: this display is late", number=len(messages) - 1)
        arrival_ns = time.monotonic_ns()
        for message in messages:
            self._ahead_ns = self._clock.arrived(message.sent_ns, arrival_ns)
        picture = self._decoded(messages[-1])
        if picture is not None:
            yield _translated(messages[-1], self._ahead_ns), picture

    def _decoded(self, message: PictureRelayed) -> BgrImage | None:
        picture, frame = None, message.composite.frame
        if size_of(message.jpeg) == (frame.height, frame.width):
            with suppress(cv2.error):
                # metadata in the JPEG must not rotate the picture
                picture = cv2.imdecode(
                    np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
                )
        if picture is None or picture.shape != frame.shape:
            self._counters.count("picture", "not the JPEG it says")
            return None
        return np.asarray(picture, np.uint8)


def open_relay_reader(context: Context, settings: DisplaySettings, counters: Counters) -> RelayReader:
    """Connect to the relay at `--connect`.

    Raises:
        ConfigError: The address cannot be used or needs a key, or the instance view is requested.
        KeyFileError: The viewer's key cannot be used.
    """
    if settings.view == INSTANCES:
        raise ConfigError(
            "--view instances: it shows the camera's own picture, expected a display at the camera, got "
            f"--connect {settings.connect}; leave one of them out"
        )
    if settings.key is None and not is_loopback(settings.connect):
        raise ConfigError(
            f"--connect: expected --key FILE for {settings.connect}, got none; on the relay's machine: "
            f"{KEYS_COMMAND} new NAME"
        )
    key = read_viewer_key(settings.key) if settings.key else None
    return RelayReader(connect_relay(context, settings.connect, key), counters)


def _translated(message: PictureRelayed, ahead_ns: int) -> FrameComposed:
    """Return the composite with times of this machine's clock, which is `ahead_ns` ahead of the relay's.

    Whatever a relay says, a picture was captured and composed before it was sent.
    """
    composite, latest_ns = message.composite, message.sent_ns
    captured_ns = max(0, min(composite.frame.captured_ns, latest_ns) + ahead_ns)
    composed_ns = max(0, min(composite.composed_ns, latest_ns) + ahead_ns)
    return replace(composite, frame=replace(composite.frame, captured_ns=captured_ns), composed_ns=composed_ns)
