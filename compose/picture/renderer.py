"""From a frame and a verdict to the picture that may be seen."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from common.ipc.records import FrameInfo
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.picture import alpha
from compose.picture.alpha import Alpha
from compose.picture.background import open_backdrop
from compose.picture.blend import blend
from compose.picture.instance_view import InstanceView
from compose.policy import State, Verdict
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker

CARD_BGR = (48, 40, 36)
OUTLINE_BGR = (80, 220, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Painter:
    """Paints composites.

    Raises:
        SourceError: The background cannot be read.
    """

    def __init__(self, settings: ComposeSettings, tracker: Tracker) -> None:
        self._tracker = tracker
        self.instances = InstanceView(settings.threshold)
        self._settings = settings
        self._backdrop = self._first = open_backdrop(settings)

    def set_background(self, background: str) -> None:
        """Hide the room behind `blur` or `color:RRGGBB` from now on; "" is what the settings say."""
        self._backdrop = open_backdrop(replace(self._settings, background=background)) if background else self._first

    def forget(self) -> None:
        """Forget the subject, and all that was found so far."""
        self._tracker.forget()
        self.instances.forget()

    def paint(
        self, pyramid: ImagePyramid, frame: FrameInfo, verdict: Verdict, into: BgrImage, notice: str = ""
    ) -> None:
        """Fill `into`, of the frame's shape (H, W, 3) uint8 BGR, with what `verdict` allows of the frame, and the source's notice."""
        if verdict.state is State.LOST:  # compose was stopped after the frame came, and for too long
            paint_card(verdict.reason, into)
            return
        if verdict.state is State.OFF:
            np.copyto(into, pyramid.picture)
        elif verdict.state is State.INSTANCES:
            self.instances.paint(pyramid.picture, frame.epoch, into)
        elif verdict.shows_people:
            who = alpha.faded(self._tracker.alpha(frame, verdict.subjects), verdict.opacity)
            self._backdrop.paint(pyramid, who, frame.captured_ns, into)
            blend(pyramid.picture, who, into)
            if self._tracker.outlined(frame.captured_ns):
                draw_outline(into, who)
        else:
            self._backdrop.paint(pyramid, None, frame.captured_ns, into)
        if notice:
            write_notice(into, notice)


def paint_card(reason: str, into: BgrImage) -> None:
    """Fill `into` (H, W, 3) uint8 BGR with a plain card that says why there is no picture; nothing of the camera."""
    into[:] = CARD_BGR
    write_notice(into, reason)


def draw_outline(picture: BgrImage, who: Alpha) -> None:
    """Draw a line around who was chosen into (H, W, 3) uint8 BGR."""
    x0, y0, _, _ = who.box_xyxy
    inside = cv2.threshold(who.opacity, 127, 255, cv2.THRESH_BINARY)[1]
    found, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x0, y0))
    cv2.drawContours(picture, found, -1, OUTLINE_BGR, max(2, round(picture.shape[0] / 240)), cv2.LINE_AA)


def write_notice(picture: BgrImage, text: str) -> None:
    """Write a line into the lower left corner, readable on anything, smaller where it would not fit."""
    scale = max(picture.shape[0] / 720, 0.6)
    margin = round(16 * scale)
    wide = cv2.getTextSize(text, FONT, 0.8 * scale, 1)[0][0]
    size = 0.8 * scale * min(1.0, (picture.shape[1] - 2 * margin) / max(wide, 1))
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        thick = max(1, round(thickness * scale))
        cv2.putText(picture, text, (margin, picture.shape[0] - margin), FONT, size, colour, thick, cv2.LINE_AA)
