"""frames + masks + control → composites."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

import cv2
import zmq

from common.errors import RingGoneError
from common.ipc.messages import CommandIssued, FrameComposed, MasksInferred, SourceLost, SourceNotice
from common.ipc.records import DetectorKind, FrameInfo, SetBackground, SetPrivacy, SetView
from common.ipc.ring import RingCache, ShapedRing
from common.ipc.streams import (
    COMPOSITES,
    CONTROL,
    FRAME_MESSAGES,
    FRAMES,
    MASKS,
    Context,
    PeerWatch,
    bind,
    connect,
    open_context,
    receive,
    send,
)
from common.metrics.counters import Counters
from common.metrics.metrics import metrics
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SUSPENDED, SuspendDetector
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.malloc import tune_malloc
from compose.picture.matte_edge import MattePace
from compose.picture.renderer import Painter, paint_card
from compose.policy import Policy, State, Verdict
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker, open_tracker
from compose.workers import Workers

POLL_MS = 30  # how late a limit that passes between two frames may be noticed
CARD_EVERY_S = 0.1  # displays blank themselves when nothing comes

log = logging.getLogger("onlyme")


def run(settings: ComposeSettings, stage: StageContext) -> None:
    """Compose until told to stop.

    Raises:
        SourceError: The background cannot be read.
        AlreadyRunningError: Another compose serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    cv2.setNumThreads(1)
    tune_malloc()
    tracker = open_tracker(settings, pace := MattePace())
    painter = Painter(settings, tracker)
    policy = Policy(tracker.choose, painter.forget, tracker.age_limit_ms, settings.mask_age_limit_ms)
    counters, journal, suspend, run_dir = Counters(log), Journal(), SuspendDetector(), settings.call_dir
    with writer_lock(run_dir, COMPOSITES.name), open_context() as context, Composites(context, run_dir) as composites:
        frames = Frames(context, run_dir, policy, counters)
        masks, control = bind(context, MASKS, run_dir), bind(context, CONTROL, run_dir)
        poller, watch, workers = zmq.Poller(), PeerWatch(masks), Workers(settings, context, counters, pace)
        for socket in (*frames.sockets, masks, control):
            poller.register(socket, zmq.POLLIN)
        while not stage.should_stop():
            poller.poll(POLL_MS)
            frame, picture = frames.newest()
            for wish in receive(control, CommandIssued, counters):
                obey(wish, policy, tracker, painter, counters)
            if watch.is_gone():
                counters.count("worker", "gone, or cut off for what it sent")
            begun, pyramid = time.monotonic(), None if picture is None else ImagePyramid(picture)
            if frame is not None and pyramid is not None:
                tracker.see(frame, pyramid)
            for result in receive(masks, MasksInferred, counters):
                workers.looked(result)
                if refused := policy.accept(result, time.monotonic_ns()):
                    counters.count("masks", refused)
                else:
                    composites.model, composites.detector = result.model, result.detector
                    painter.instances.see(result)
            if suspend.was_suspended():  # last of all: what was read, asked and found above may be of before it
                policy.lose(SUSPENDED, suspend.resumed_ns)
                frame = None
            verdict = policy.judge(time.monotonic_ns())
            journal.note(verdict, policy.privacy)
            if frame is not None and pyramid is not None:
                painter.paint(pyramid, frame, verdict, composites.claim(frame), frames.notice)
                composites.publish(frame, verdict, policy.privacy)
                workers.composed(time.monotonic() - begun)
            elif verdict.state is State.LOST:
                composites.publish_card(verdict, policy.privacy)
            workers.tell(tracker, frames.skipped, verdict)
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def obey(wish: CommandIssued, policy: Policy, tracker: Tracker, painter: Painter, counters: Counters) -> None:
    """Do what a viewer wants; what the policy refuses is counted."""
    asked = wish.command
    if refused := policy.refuses(wish, time.monotonic_ns()):
        counters.count("wish", refused)
    elif isinstance(asked, SetPrivacy):
        policy.set_privacy(asked.privacy)
    elif isinstance(asked, SetView):
        policy.set_view(asked.instances)
    elif isinstance(asked, SetBackground):
        painter.set_background(asked.background)
    else:
        tracker.ask(asked)


class Frames:
    """Every frame while compose keeps up, else the newest; what was skipped or refused is counted."""

    def __init__(self, context: Context, run_dir: Path, policy: Policy, counters: Counters) -> None:
        self._socket = connect(context, FRAMES, run_dir)
        self._capture = PeerWatch(self._socket)
        self.sockets = (self._socket, self._capture.socket)
        self._policy = policy
        self._counters = counters
        self._ring = RingCache()
        self._buffer: BgrImage | None = None
        self.skipped = 0  # frames, because compose was late
        self.notice = ""  # what the source has to say in the picture

    def newest(self) -> tuple[FrameInfo | None, BgrImage | None]:
        """The newest frame since the last call with its pixels, (H, W, 3) uint8 BGR valid until the next call.

        The policy is told of every frame, and of every loss.
        """
        if self._capture.is_gone():
            self._policy.lose("capture has ended", time.monotonic_ns())
        newest: FrameInfo | None = None
        for message in receive(self._socket, FRAME_MESSAGES, self._counters):
            if isinstance(message, SourceNotice):
                self.notice = message.notice
                continue
            if newest is not None:
                self._counters.count("frame", "skipped: compose is late")
                self.skipped += 1
                newest = None
            if isinstance(message, SourceLost):
                self._policy.lose(message.reason, time.monotonic_ns())
            elif refused := self._policy.see(message.frame, time.monotonic_ns()):
                self._counters.count("frame", refused)
            else:
                newest = message.frame
        return (newest, self._read(newest)) if newest is not None else (None, None)

    def _read(self, frame: FrameInfo) -> BgrImage | None:
        try:
            picture = self._ring.read(frame.segment, frame.sequence, frame.shape, self._buffer)
        except RingGoneError as error:
            self._counters.count("frame", "segment gone", str(error))
            return None
        if picture is None:
            self._counters.count("frame", "lapped")
            return None
        self._buffer = picture
        return picture


class Journal:
    """Says in the log when the state changes, and how long the last one held."""

    def __init__(self) -> None:
        self._said: tuple[State, str] | None = None
        self._since = self._looked = time.monotonic()
        self._privacy = True
        self._question = ""

    def note(self, verdict: Verdict, privacy: bool) -> None:
        """Look at the present state."""
        turned = time.monotonic()
        metrics.count("state_seconds", turned - self._looked, state=str(verdict.state))
        metrics.set("mask_age_seconds", max(-1.0, verdict.mask_age_ms / 1000))
        self._looked = turned
        if privacy is not self._privacy:
            self._privacy = privacy
            log.warning("privacy is %s", "on" if privacy else "OFF: the camera's own picture is shown")
        if verdict.question != self._question:
            self._question = verdict.question
            log.info("asked: %s", self._question or "nothing any more")
        if verdict[:2] == self._said:
            return
        now = time.monotonic()
        after = f", after {now - self._since:.1f} s {self._said[0]}" if self._said else ""
        if verdict.state is State.EVERYBODY:
            log.warning("everybody is shown: nobody in the picture is hidden%s", after)
        else:
            log.info("%s%s%s", verdict.state, f": {verdict.reason}" if verdict.reason else "", after)
        self._said, self._since = (verdict.state, verdict.reason), now


class Composites(ShapedRing):
    """The ring and stream of finished pictures."""

    def __init__(self, context: Context, run_dir: Path) -> None:
        super().__init__(COMPOSITES.name, COMPOSITES.slots)
        self._socket = bind(context, COMPOSITES, run_dir)
        self._frame: FrameInfo | None = None
        self._carded_at = 0.0
        self.model, self.detector = "", DetectorKind.NONE  # who found the people of the last result

    def claim(self, frame: FrameInfo) -> BgrImage:
        """The slot that the composite of `frame` is painted into, (H, W, 3) uint8 BGR."""
        return self.of(frame.height, frame.width).claim()

    def publish(self, frame: FrameInfo, verdict: Verdict, privacy: bool, captured_ns: int | None = None) -> None:
        """Publish the slot claimed for `frame`; `captured_ns` only where the picture is not of that frame."""
        self._frame, self._carded_at = frame, 0.0
        ring = self.of(frame.height, frame.width)
        message = FrameComposed(
            frame=replace(
                frame,
                captured_ns=frame.captured_ns if captured_ns is None else captured_ns,
                segment=ring.name,
                sequence=ring.publish(),
            ),
            composed_ns=time.monotonic_ns(),
            state=str(verdict.state),
            reason=verdict.reason,
            mask_age_ms=verdict.mask_age_ms,
            privacy=privacy,
            model=self.model,
            detector=self.detector,
            question=verdict.question,
            everybody=verdict.everybody,
        )
        send(self._socket, message)
        metrics.count("composed")

    def publish_card(self, verdict: Verdict, privacy: bool) -> None:
        """Say in a picture that there is none, of the last frame's size; nothing before the first frame."""
        frame = self._frame
        if frame is None or time.monotonic() - self._carded_at < CARD_EVERY_S:
            return
        paint_card(verdict.reason, self.claim(frame))
        self.publish(frame, verdict, privacy, captured_ns=time.monotonic_ns())
        self._carded_at = time.monotonic()
