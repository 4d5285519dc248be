"""frames + masks + control → composites."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from common.config import ComposeSettings
from common.counters import Counters
from common.errors import RingGoneError
from common.messages import FrameCaptured, FrameComposed, MasksInferred, PrivacySet
from common.process import Stop, sole_writer
from common.ring import RingCache, ShapedRing
from common.streams import (
    COMPOSITES,
    CONTROL,
    FRAMES,
    MASKS,
    Context,
    Socket,
    bind,
    connect,
    open_context,
    receive,
    send,
)
from compose import alpha
from compose.backdrop import open_backdrop
from compose.blend import blend
from compose.policy import Policy, State, Verdict

CAPACITY = 16  # half a second: a recorder may hiccup
POLL_MS = 100

log = logging.getLogger("onlyme")
Picture = NDArray[np.uint8]


def run(settings: ComposeSettings, stop: Stop) -> None:
    """Compose until told to stop.

    Raises:
        SourceError: The background cannot be read.
        RingTakenError: Another compose serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    cv2.setNumThreads(1)
    painter = Painter(settings)
    policy = Policy(settings.confidence, settings.max_mask_age)
    counters = Counters(log)
    run_dir = settings.call_dir
    with sole_writer(run_dir, COMPOSITES.name), open_context() as context, Composites(context, run_dir) as composites:
        frames = Frames(connect(context, FRAMES, run_dir), counters)
        masks, control = bind(context, MASKS, run_dir), bind(context, CONTROL, run_dir)
        poller = zmq.Poller()
        for socket in (frames.socket, masks, control):
            poller.register(socket, zmq.POLLIN)
        while not stop:
            poller.poll(POLL_MS)
            for asked in receive(control, PrivacySet, counters):
                policy.set_privacy(asked.privacy)
                log.warning("privacy turned %s by hand", "on" if asked.privacy else "OFF")
            frame, picture = frames.newest()
            for result in receive(masks, MasksInferred, counters):
                if refused := policy.accept(result, frames.epoch, time.monotonic_ns()):
                    counters.count("masks", refused)
                else:
                    composites.model = result.model
            if frame is None or picture is None:
                continue
            verdict = policy.judge(frame.epoch, time.monotonic_ns())
            painter.paint(picture, frame, verdict, composites.claim(frame))
            composites.publish(frame, verdict, policy.privacy)
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


class Frames:
    """Every frame while compose keeps up, else the newest; what was skipped is counted."""

    def __init__(self, socket: Socket, counters: Counters) -> None:
        self.socket = socket
        self.epoch = 0
        self._counters = counters
        self._ring = RingCache()
        self._buffer: Picture | None = None

    def newest(self) -> tuple[FrameCaptured | None, Picture | None]:
        """The newest frame since the last call with its pixels, (H, W, 3) uint8 BGR valid until the next call."""
        messages = receive(self.socket, FrameCaptured, self._counters)
        if not messages:
            return None, None
        if len(messages) > 1:
            self._counters.count("frame", "skipped: compose is late", number=len(messages) - 1)
        message = messages[-1]
        self.epoch = message.epoch
        try:
            shape = (message.height, message.width, 3)
            self._buffer = self._ring.read(message.segment, message.sequence, shape, self._buffer)
        except RingGoneError as error:
            self._counters.count("frame", "segment gone", str(error))
            return None, None
        if self._buffer is None:
            self._counters.count("frame", "lapped")
        return message, self._buffer


class Painter:
    """Turns a frame and a verdict into the picture that may be seen."""

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings = settings
        self._backdrop = open_backdrop(settings)

    def paint(self, picture: Picture, frame: FrameCaptured, verdict: Verdict, into: Picture) -> None:
        """Fill `into`, of `picture`'s shape (H, W, 3) uint8 BGR, with what `verdict` allows of `picture`."""
        if verdict.state is State.OFF:
            np.copyto(into, picture)
        elif verdict.state is State.LIVE and verdict.subject is not None:
            size_wh = (frame.width, frame.height)
            who = alpha.of_instance(verdict.subject, size_wh, self._settings.threshold, self._settings.edge)
            blend(picture, self._backdrop.behind(picture, who, frame.captured_ns), who, into)
        else:
            np.copyto(into, self._backdrop.behind(picture, None, frame.captured_ns))
        if frame.notice:
            write_notice(into, frame.notice)


def write_notice(picture: Picture, text: str) -> None:
    """Write a line into the lower left corner, readable on anything."""
    scale = max(picture.shape[0] / 720, 0.6)
    at = (round(16 * scale), picture.shape[0] - round(16 * scale))
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(
            picture,
            text,
            at,
            cv2.FONT_HERSHEY_SIMPLEX,
            0.8 * scale,
            colour,
            max(1, round(thickness * scale)),
            cv2.LINE_AA,
        )


class Composites(ShapedRing):
    """The ring and stream of finished pictures."""

    def __init__(self, context: Context, run_dir: Path) -> None:
        super().__init__(COMPOSITES.name, CAPACITY)
        self._socket = bind(context, COMPOSITES, run_dir)
        self.model = ""

    def claim(self, frame: FrameCaptured) -> Picture:
        """The slot that the composite of `frame` is painted into, (H, W, 3) uint8 BGR."""
        return self.of(frame.height, frame.width).claim()

    def publish(self, frame: FrameCaptured, verdict: Verdict, privacy: bool) -> None:
        """Publish the slot claimed for `frame`."""
        ring = self.of(frame.height, frame.width)
        message = FrameComposed(
            epoch=frame.epoch,
            frame_id=frame.frame_id,
            captured_ns=frame.captured_ns,
            source_index=frame.source_index,
            segment=ring.name,
            sequence=ring.publish(),
            height=frame.height,
            width=frame.width,
            composed_ns=time.monotonic_ns(),
            state=str(verdict.state),
            reason=verdict.reason,
            mask_age_ms=verdict.mask_age_ms,
            privacy=privacy,
            model=self.model,
        )
        send(self._socket, message)
