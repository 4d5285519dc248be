"""Plays compose before a real relay, and viewers behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from common.ipc.messages import PictureRelayed, ViewerReady
from common.ipc.records import FrameInfo
from common.ipc.streams import Context, Socket, open_context, receive, send
from common.metrics.counters import Counters
from compose.composites import CompositePublisher
from compose.policy import Decision, State
from display.relay.keyring import ViewerKey
from display.relay.sockets import connect_relay

HEIGHT, WIDTH = 120, 160
LIVE = Decision(State.LIVE, "", 50.0)


class ComposePlayed:
    """CompositePublisher whose grey level says their number."""

    def __init__(self, composites: CompositePublisher) -> None:
        self._composites = composites
        self.number = 0

    def publish(self, decision: Decision = LIVE, privacy: bool = True, captured_ns: int | None = None) -> int:
        self.number += 1
        when_ns = time.monotonic_ns() if captured_ns is None else captured_ns
        frame = FrameInfo(1, self.number, when_ns, self.number, "s", self.number, HEIGHT, WIDTH)
        self._composites.claim(frame)[:] = self.number % 200
        self._composites.publish(frame, decision, privacy)
        return self.number


@contextmanager
def compose_played(run_dir: Path) -> Iterator[ComposePlayed]:
    with open_context() as context, CompositePublisher(context, run_dir) as composites:
        yield ComposePlayed(composites)


class ViewerPlayed:
    """One viewer, with its own counters."""

    def __init__(self, context: Context, address: str, key: ViewerKey | None, counters: Counters) -> None:
        self.socket: Socket = connect_relay(context, address, key)
        self._counters = counters
        self.got: list[PictureRelayed] = []
        self._said_at = 0.0

    def look(self, takes: bool = True) -> list[PictureRelayed]:
        """Take what has come, and say so; says now and then that it is there."""
        came = receive(self.socket, PictureRelayed, self._counters) if takes else []
        self.got += came
        if came or time.monotonic() - self._said_at > 0.2:
            self._said_at = time.monotonic()
            if takes:
                send(self.socket, ViewerReady(self.got[-1].number if self.got else 0))
        return came


def grey_of(message: PictureRelayed) -> float:
    picture = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (message.composite.frame.height, message.composite.frame.width, 3)
    return float(picture.mean())
