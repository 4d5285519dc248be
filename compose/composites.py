"""Publishes composites: where they lie, and what compose says of them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from common.ipc.messages import FrameComposed, SourceIdle
from common.ipc.records import DetectorKind, FrameInfo, Style
from common.ipc.ring import ResizableRing
from common.ipc.streams import COMPOSITES, Context, bind, send
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from compose.picture.framing import WHOLE, Crop
from compose.picture.renderer import draw_card
from compose.policy import Decision, State

CARD_EVERY_S = 0.2  # displays blank themselves when nothing comes


class CompositePublisher(ResizableRing):
    """Publishes composites: pixels in a ring, facts in a stream."""

    def __init__(self, context: Context, run_dir: Path) -> None:
        super().__init__(COMPOSITES.name, COMPOSITES.slots)
        self._socket = bind(context, COMPOSITES, run_dir)
        self._frame: FrameInfo | None = None
        self._card_at = 0.0
        self.model, self.detector = "", DetectorKind.NONE  # of the last result
        self.style = Style()  # of now
        self.fixed = self.notice = ""  # see FrameComposed

    def claim(self, frame: FrameInfo) -> BgrImage:
        """Return the slot that the composite of `frame` is rendered into, (H, W, 3) uint8 BGR."""
        return self.ring_for(frame.height, frame.width).claim()

    def publish(
        self, frame: FrameInfo, decision: Decision, privacy: bool, captured_ns: int | None = None, crop: Crop = WHOLE
    ) -> None:
        """Publish the slot that was claimed for `frame`, of which it shows `crop`. Give `captured_ns` only if the picture is not of
        that frame."""
        self._frame, self._card_at = frame, 0.0
        ring = self.ring_for(frame.height, frame.width)
        subjects = decision.subjects  # none in a recording, whose judge knows areas
        message = FrameComposed(
            frame=replace(
                frame,
                captured_ns=frame.captured_ns if captured_ns is None else captured_ns,
                segment=ring.name,
                sequence=ring.publish(),
            ),
            composed_ns=time.monotonic_ns(),
            state=str(decision.state),
            reason=decision.reason,
            mask_age_ms=decision.mask_age_ms,
            privacy=privacy,
            model=self.model,
            detector=self.detector,
            question=decision.question,
            everybody=decision.everybody,
            style=self.style,
            fixed=self.fixed,
            notice=self.notice,
            subject_xyxy=crop.seen(subjects[0].box_xyxy) if subjects and decision.state is State.LIVE else (),
        )
        self._send(message)
        metrics.count("composed")

    def publish_card(self, decision: Decision, privacy: bool, idle: SourceIdle | None = None) -> None:
        """Publish a card of the last frame's size that says why there is no picture. Before the first frame, the size is that of the
        source that is closed; where there is none, do nothing."""
        frame = self._frame or _before_the_first(idle)
        if frame is None or time.monotonic() - self._card_at < CARD_EVERY_S:
            return
        draw_card(decision.reason, self.claim(frame))
        self.publish(frame, decision, privacy, captured_ns=time.monotonic_ns())
        self._card_at = time.monotonic()

    def _send(self, message: FrameComposed) -> None:
        send(self._socket, message)


def _before_the_first(idle: SourceIdle | None) -> FrameInfo | None:
    """Return the frame that a card stands for while the source has given none; no frame that is captured has its epoch."""
    return FrameInfo(1, 0, 0, 0, "", 0, idle.height, idle.width) if idle else None
