"""Render the picture that may be seen, from a frame and the decision on it."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from common.ipc.records import MAX_BLUR, FrameInfo, Style
from common.settings.saved import SAVED, without_saved
from common.vision.arrays import BgrImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha, scale_alpha, with_room
from compose.picture.background import Background, BlurBackground, open_background
from compose.picture.blend import blend
from compose.picture.blur import least_sigma
from compose.picture.decontamination import decontaminate, settle
from compose.picture.framing import WHOLE, Crop, Framing
from compose.picture.instance_view import InstanceView
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.style import StyleChoice

CARD_BGR = (48, 40, 36)
OUTLINE_BGR = (80, 220, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Renderer:
    """Renders composites. It changes nothing of the subject: the same frame rendered twice gives the same picture.

    Args:
        settings: With the background.
        fixed: Names of the settings that a flag, the environment or `.env` sets; the page may have saved all others.

    Attributes:
        chosen: What a viewer has chosen of the style.
        framing: Which part of the picture is shown.

    Raises:
        SourceError: The background cannot be read.
    """

    def __init__(self, settings: ComposeSettings, fixed: Collection[str] = SAVED) -> None:
        self._unsaved = without_saved(settings, fixed)
        self._is_soft = settings.edge == "soft"
        self.instances = InstanceView(settings.threshold)
        self.chosen = StyleChoice(settings)
        self.framing = Framing()
        self._uncropped: BgrImage | None = None
        self._blurred = BlurBackground(settings.kernel)
        self._begin_with(settings)

    def reset_style(self) -> None:
        """Forget what viewers have chosen, and what the page has saved.

        Raises:
            SourceError: The background cannot be read; nothing changes.
        """
        self._begin_with(self._unsaved)
        self.chosen.reset(self._unsaved)

    def _begin_with(self, settings: ComposeSettings) -> None:
        """Take blur and background of the settings."""
        self._first = self._opened(settings.background)
        self._background, self._name = self._first
        self._blurred.strength = settings.blur or None

    def _opened(self, background: str) -> tuple[Background, str]:
        """Open a background, and return it with what displays are told of it: no path."""
        is_file = background.startswith(("image:", "video:"))
        return open_background(background, self._blurred), "file" if is_file else background

    def set_background(self, background: str) -> None:
        """Hide the room behind `blur`, `color:RRGGBB` or the user's own `image` from now on; "" returns to the background of the
        settings.

        Raises:
            SourceError: The user's image cannot be read; the background stays.
        """
        self._background, self._name = self._opened(background) if background else self._first

    def set_blur(self, strength: float) -> None:
        """Blur `strength` times as strongly as is safe, from 1."""
        self._blurred.strength = strength

    def style(self, size_wh: tuple[int, int]) -> Style:
        """Return what is made of a frame of `size_wh` now, for the displays."""
        style, blur = self.chosen, self._blurred.strength_in(size_wh).sigma / least_sigma(size_wh)
        return Style(style.hide, style.follow, style.feather, style.margin, min(max(1.0, blur), MAX_BLUR), self._name)

    def render(
        self,
        pyramid: ImagePyramid,
        frame: FrameInfo,
        decision: Decision,
        alpha: Alpha | None,
        into: BgrImage,
        *,
        room: SoftMask | None = None,
        crop: Crop = WHOLE,
        notice: str = "",
        outlined: bool = False,
    ) -> None:
        """Fill `into`, of the frame's shape (H, W, 3) uint8 BGR, with what `decision` allows to be seen of the frame, and write
        the source's notice on it.

        Args:
            pyramid: Of the frame.
            frame: Describes it.
            decision: What may be seen of it.
            alpha: What of it is the people who stay sharp. It is read only where the decision shows people.
            into: Is filled.
            room: (h, w) uint8, 255 where the frame shows the empty room, on a grid; None: nowhere, or the room is hidden. It is read
                where the decision shows people and only other people are hidden.
            crop: The part that fills `into`.
            notice: What the source has to say, "" for nothing.
            outlined: Draw the outline of who stays sharp.

        Raises:
            RuntimeError: The decision was made for another frame, or shows people and there is no alpha.
        """
        if decision.frame != (frame.epoch, frame.frame_id):
            raise RuntimeError(f"frame {frame.epoch}/{frame.frame_id} was rendered with a decision on {decision.frame}")
        if decision.state is State.LOST:  # compose was stopped for too long after the frame came
            draw_card(decision.reason, into)
            return
        # other people are blurred whatever hides the room: a colour in their shape would be a hole in it
        behind = self._blurred if self.chosen.shows_room else self._background
        into, whole = self._whole(into, crop), into
        if decision.state is State.OFF:
            np.copyto(into, pyramid.picture)
        elif decision.state is State.INSTANCES:
            self.instances.render(pyramid.picture, frame.epoch, into)
        elif decision.shows_people:
            if alpha is None:
                raise RuntimeError(
                    f"frame {frame.epoch}/{frame.frame_id} was to show people, and nobody said where they are"
                )
            near = None
            if behind is not self._blurred and self._is_soft:  # a blur has the colours of the old background anyway
                alpha, near = settle(pyramid, alpha)
            who = scale_alpha(alpha, decision.opacity)
            behind.render(pyramid, who, frame.captured_ns, into)
            seen = (
                who
                if room is None or not self.chosen.shows_room
                else with_room(alpha, room, (frame.width, frame.height))
            )
            blend(pyramid.picture, who if seen is who else scale_alpha(seen, decision.opacity), into)
            if near is not None:
                decontaminate(pyramid, who, near, into)
            if outlined:
                draw_outline(into, who)
        else:
            behind.render(pyramid, None, frame.captured_ns, into)
        if into is not whole:
            size_wh = (frame.width, frame.height)
            how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            cv2.warpAffine(into, crop.to_frame(size_wh), size_wh, whole, how, cv2.BORDER_REPLICATE)
        if notice:
            write_notice(whole, notice)

    def _whole(self, into: BgrImage, crop: Crop) -> BgrImage:
        """Return what the whole picture is rendered into: `into` itself where nothing is cropped."""
        if crop.is_whole:
            return into
        if self._uncropped is None or self._uncropped.shape != into.shape:
            self._uncropped = np.empty_like(into)
        return self._uncropped


def draw_card(reason: str, into: BgrImage) -> None:
    """Fill `into` (H, W, 3) uint8 BGR with a plain card that says why there is no picture. It shows nothing of the camera."""
    into[:] = CARD_BGR
    write_notice(into, reason)


def draw_outline(picture: BgrImage, who: Alpha) -> None:
    """Draw the outline of the person who was chosen into `picture` (H, W, 3) uint8 BGR."""
    x0, y0, _, _ = who.box_xyxy
    inside = cv2.threshold(who.opacity, 127, 255, cv2.THRESH_BINARY)[1]
    found, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x0, y0))
    cv2.drawContours(picture, found, -1, OUTLINE_BGR, max(2, round(picture.shape[0] / 240)), cv2.LINE_AA)


def write_notice(picture: BgrImage, text: str) -> None:
    """Write a line of text into the lower left corner, readable on any picture; a long line is made smaller to fit."""
    scale = max(picture.shape[0] / 720, 0.6)
    margin = round(16 * scale)
    wide = cv2.getTextSize(text, FONT, 0.8 * scale, 1)[0][0]
    size = 0.8 * scale * min(1.0, (picture.shape[1] - 2 * margin) / max(wide, 1))
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        thick = max(1, round(thickness * scale))
        cv2.putText(picture, text, (margin, picture.shape[0] - margin), FONT, size, colour, thick, cv2.LINE_AA)
