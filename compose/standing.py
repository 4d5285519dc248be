"""Says when the newest frame is composed: once, and again while it stands if something else may be shown of it. Pure.

A fast source brings the next frame before anything has changed. A frame of a slow source stands: its own mask comes, the subject
fades in, and a viewer's command is not to wait for the next frame.
"""

from __future__ import annotations

from typing import NamedTuple

from common.ipc.records import FrameInfo
from common.vision.pyramid import ImagePyramid
from compose.policy import Decision, State

STANDS_NS = 200_000_000  # a frame that was captured so long ago stands: the next one of a fast source would be there


class Stands(NamedTuple):
    """A frame and its picture."""

    frame: FrameInfo
    pyramid: ImagePyramid


class StandingFrame:
    """The newest frame, and what has happened since it was composed last."""

    def __init__(self) -> None:
        self._stands: Stands | None = None
        self._composed: Decision | None = None  # the decision that it was composed with last
        self._has_result = False

    def replace(self, stands: Stands | None) -> bool:
        """Take the next frame with its picture, or None: then nothing stands any more.

        Returns:
            Whether there was a frame that was never composed.
        """
        was_left_out = self._stands is not None and self._composed is None
        self._stands, self._composed, self._has_result = stands, None, False
        return was_left_out

    def note_result(self) -> None:
        """Take that a result has come: it may have changed what is shown of the frame."""
        self._has_result = True

    def note_command(self) -> None:
        """Take that a viewer has commanded something: the frame is composed anew."""
        self._composed = None

    def take_due(self, decision: Decision, now_ns: int) -> Stands | None:
        """Return the frame and its picture if they are to be composed now with `decision`, else None."""
        if self._stands is None or not self._is_due(self._stands.frame, decision, now_ns):
            return None
        self._composed, self._has_result = decision, False
        return self._stands

    def _is_due(self, frame: FrameInfo, decision: Decision, now_ns: int) -> bool:
        last = self._composed
        if decision.frame != (frame.epoch, frame.frame_id):  # it waits for its mask, or a newer one could not be read
            return False
        if last is None:
            return True
        if now_ns - frame.captured_ns < STANDS_NS:
            return False
        if last.shows_people and decision.shows_people and last.opacity < 1:  # it fades in
            return True
        shows_result = decision.shows_people or decision.state is State.INSTANCES
        return self._has_result and (shows_result or _without_times(decision) != _without_times(last))


def _without_times(decision: Decision) -> Decision:
    return decision._replace(mask_age_ms=0.0, opacity=0.0)
