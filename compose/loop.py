"""Compose: frames + masks + control → composites. The module text of compose/policy.py lists the order of one turn."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2
import zmq

from common.errors import SourceError
from common.ipc.messages import CommandIssued, MasksInferred, SourceIdle, SourceLost, SourceNotice
from common.ipc.picture_reader import PictureReader
from common.ipc.records import (
    FrameInfo,
    ResetStyle,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
)
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
)
from common.metrics.counters import Counters
from common.metrics.metrics import metrics
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SUSPENDED, SuspendDetector
from common.settings.recording import EVERY
from common.settings.saved import SAVED
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.composites import CompositePublisher
from compose.every import loop as every
from compose.malloc import tune_malloc
from compose.picture.alpha import Alpha
from compose.picture.edge import open_edge
from compose.picture.framing import Crop
from compose.picture.matte_edge import MattePace
from compose.picture.renderer import Renderer
from compose.policy import IDLE, Decision, Policy, State
from compose.settings import ComposeSettings
from compose.standing import StandingFrame, Stands
from compose.who.tracker import Tracker
from compose.workers import Workers

POLL_MS = 30  # greatest delay in noticing a limit that passes between two frames

log = logging.getLogger("onlyme")


def run(settings: ComposeSettings, stage: StageContext) -> None:
    """Compose until told to stop. Raises what the loop for the pace raises."""
    (every.run if settings.pace == EVERY else run_live)(settings, stage)


def run_live(settings: ComposeSettings, stage: StageContext) -> None:
    """Compose until told to stop.

    Raises:
        SourceError: The background cannot be read.
        AlreadyRunningError: Another compose serves this run folder.
        RingSpaceError: Shared memory is too small.
    """
    cv2.setNumThreads(1)
    tune_malloc()
    renderer, policy, standing = Renderer(settings, stage.fixed), Policy(settings.mask_age_limit_ms), StandingFrame()
    tracker = Tracker(settings, open_edge(settings, pace := MattePace()), renderer.chosen)
    counters, states, suspend, run_dir = Counters(log), StateLogger(), SuspendDetector(), settings.call_dir
    with writer_lock(run_dir, COMPOSITES.name), open_context() as context, CompositePublisher(context, run_dir) as out:
        out.fixed = ",".join(sorted(stage.fixed.intersection(SAVED)))
        frames = FrameReader(context, run_dir, policy, counters)
        masks, control = bind(context, MASKS, run_dir), bind(context, CONTROL, run_dir)
        poller, watch, workers = zmq.Poller(), PeerWatch(masks), Workers(settings, context, counters, pace)
        for socket in (*frames.sockets, masks, control):
            poller.register(socket, zmq.POLLIN)
        while not stage.should_stop():
            poller.poll(POLL_MS)
            frame, picture = frames.latest()
            reset_after_loss(policy, tracker, renderer, standing)
            for command in receive(control, CommandIssued, counters):
                standing.note_command()
                apply_command(command, policy, tracker, renderer, counters)
            if watch.is_gone():
                counters.count("worker", "gone, or cut off for what it sent")
            begun = time.monotonic()
            take_frame(frame, picture, standing, tracker, counters)
            for result in receive(masks, MasksInferred, counters):
                workers.record_inference(result)
                if apply_result(result, policy, tracker, renderer, counters):
                    out.model, out.detector = result.model, result.detector
                standing.note_result()
            if suspend.was_suspended():  # checked last: what was read above may be from before the suspend
                policy.on_source_lost(SUSPENDED, suspend.resumed_ns)
            decision = policy.evaluate(now_ns := time.monotonic_ns(), tracker.age_limit_ms())
            reset_after_loss(policy, tracker, renderer, standing)
            states.update(decision, policy.privacy)
            if (due := standing.take_due(decision, now_ns)) is not None:
                crop = render(due, decision, tracker, renderer, out.claim(due.frame), notice=frames.notice)
                out.style, out.notice = renderer.style((due.frame.width, due.frame.height)), frames.notice
                out.publish(due.frame, decision, policy.privacy, crop=crop)
                workers.record_composed(time.monotonic() - begun)
            elif decision.state is State.LOST:
                out.publish_card(decision, policy.privacy, frames.idle)
            workers.send_schedule(tracker, frames.skipped, decision)
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def take_frame(
    frame: FrameInfo | None, picture: BgrImage | None, standing: StandingFrame, tracker: Tracker, counters: Counters
) -> None:
    """Let the newest frame stand, if one has come, and follow the subject to it. Without its picture, (H, W, 3) uint8 BGR, nothing
    stands."""
    if frame is None:
        return
    stands = None if picture is None else Stands(frame, ImagePyramid(picture))
    if stands is not None:
        tracker.update(stands.frame, stands.pyramid)
    if standing.replace(stands):
        counters.count("frame", "skipped: the next one came before its mask")


def render(
    due: Stands, decision: Decision, tracker: Tracker, renderer: Renderer, into: BgrImage, *, notice: str
) -> Crop:
    """Fill `into`, (H, W, 3) uint8 BGR, with what may be seen of the frame that is due; return which part of the frame that is."""
    if decision.shows_people and not tracker.is_refined:
        tracker.refine(decision.subjects)
    alpha = tracker.alpha() if decision.shows_people else None
    outlined = tracker.is_outlined(due.frame.captured_ns)
    room = tracker.empty_room() if decision.shows_people else None
    crop = crop_of(due.frame, decision, alpha, renderer)
    renderer.render(
        due.pyramid, due.frame, decision, alpha, into, room=room, crop=crop, notice=notice, outlined=outlined
    )
    return crop


def crop_of(frame: FrameInfo, decision: Decision, alpha: Alpha | None, renderer: Renderer) -> Crop:
    """Return which part of a frame is shown: all of it where the picture does not follow the subject, and where privacy is off."""
    now_ns = time.monotonic_ns()
    if decision.state in (State.OFF, State.INSTANCES, State.LOST):
        return renderer.framing.whole(now_ns)
    if not renderer.chosen.follow:
        renderer.framing.release()
        alpha = None
    return renderer.framing.update(frame.captured_ns, now_ns, alpha, (frame.width, frame.height))


def apply_result(
    result: MasksInferred, policy: Policy, tracker: Tracker, renderer: Renderer, counters: Counters
) -> bool:
    """Give a result to the tracker and the policy. Count it with its cause if it is refused or shows nobody.

    Returns:
        Whether the result may show somebody.
    """
    now_ns = time.monotonic_ns()
    refused = policy.refusal_of_result(result, now_ns)
    if not refused:
        selection = tracker.apply(result)
        refused = policy.on_result(result, selection, now_ns, tracker.age_limit_ms())
    if refused:
        counters.count("masks", refused)
    else:
        renderer.instances.update(result)
    return not refused


def reset_after_loss(policy: Policy, tracker: Tracker, renderer: Renderer, standing: StandingFrame) -> None:
    """Forget the subject, all that was found so far and the last frame, if the policy has noticed a loss."""
    if policy.take_loss():
        tracker.reset()
        renderer.instances.reset()
        renderer.framing.reset()
        standing.replace(None)


def apply_command(
    issued: CommandIssued, policy: Policy, tracker: Tracker, renderer: Renderer, counters: Counters
) -> None:
    """Do what a viewer wants, or count why the policy refuses it."""
    asked = issued.command
    if refused := policy.refusal_of_command(issued, time.monotonic_ns()):
        counters.count("command", refused)
    elif isinstance(asked, SetPrivacy):
        policy.set_privacy(asked.privacy)
    elif isinstance(asked, SetView):
        policy.set_view(asked.instances)
    elif isinstance(asked, (SetBackground, ResetStyle)):
        try:
            if isinstance(asked, ResetStyle):
                renderer.reset_style()
            else:
                renderer.set_background(asked.background)
        except SourceError as error:
            counters.count("command", "image that cannot be read", str(error))
    elif isinstance(asked, SetBlur):
        renderer.set_blur(asked.strength)
    elif isinstance(asked, (SetHide, SetFollow, SetEdge)):
        renderer.chosen.apply(asked)
    elif isinstance(asked, SelectSubjectAt):
        tracker.request(renderer.framing.in_frame(asked, issued.issued_ns))
    else:
        tracker.request(asked)


class FrameReader:
    """Reads the newest frame. Frames are skipped only where compose is late; all that is skipped or refused is counted."""

    def __init__(self, context: Context, run_dir: Path, policy: Policy, counters: Counters) -> None:
        self._socket = connect(context, FRAMES, run_dir)
        self._capture = PeerWatch(self._socket)
        self.sockets = (self._socket, self._capture.socket)
        self._policy = policy
        self._counters = counters
        self._pictures = PictureReader("frame", counters)
        self.skipped = 0  # frames, because compose was late
        self.notice = ""  # what the source has to say in the picture
        self.idle: SourceIdle | None = None  # what capture said last of a source that is closed

    def latest(self) -> tuple[FrameInfo | None, BgrImage | None]:
        """Return the newest frame since the last call and its pixels, (H, W, 3) uint8 BGR, valid until the next call.

        Both are None without a new frame; the pixels alone are None if they were overwritten. The policy is told of every frame
        and of every loss.
        """
        if self._capture.is_gone():
            self._policy.on_source_lost("capture has ended", time.monotonic_ns())
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
                self._policy.on_source_lost(message.reason, time.monotonic_ns())
            elif isinstance(message, SourceIdle):
                self.idle = message
                self._policy.on_source_lost(IDLE, time.monotonic_ns())
            elif refused := self._policy.on_frame(message.frame, time.monotonic_ns()):
                self._counters.count("frame", refused)
            else:
                newest = message.frame
        return (newest, self._pictures.read(newest)) if newest is not None else (None, None)


class StateLogger:
    """Logs every change of the state, and counts the seconds in each state."""

    def __init__(self) -> None:
        self._logged: tuple[State, str] | None = None
        self._since = self._updated_at = time.monotonic()
        self._privacy = True
        self._question = ""

    def update(self, decision: Decision, privacy: bool) -> None:
        """Log what has changed since the last call, and update the metrics."""
        now = time.monotonic()
        metrics.count("state_seconds", now - self._updated_at, state=str(decision.state))
        metrics.set("mask_age_seconds", max(-1.0, decision.mask_age_ms / 1000))
        self._updated_at = now
        if privacy is not self._privacy:
            self._privacy = privacy
            log.warning("privacy is %s", "on" if privacy else "OFF: the camera's own picture is shown")
        if decision.question != self._question:
            self._question = decision.question
            log.info("question to the user: %s", self._question or "none any more")
        if (decision.state, decision.reason) == self._logged:
            return
        after = f", after {now - self._since:.1f} s {self._logged[0]}" if self._logged else ""
        if decision.state is State.EVERYBODY:
            log.warning("everybody is shown: nobody in the picture is hidden%s", after)
        else:
            log.info("%s%s%s", decision.state, f": {decision.reason}" if decision.reason else "", after)
        self._logged, self._since = (decision.state, decision.reason), now
