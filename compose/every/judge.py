"""Judges every frame of a recording."""

from __future__ import annotations

from typing import NamedTuple

from common.ipc.messages import MasksInferred
from common.ipc.recording_clock import stamp_s_of
from common.ipc.records import FrameInfo
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from compose.every.judgement import Judgement
from compose.picture.alpha import EMPTY, Alpha
from compose.policy import Decision, State
from compose.settings import ComposeSettings


class Judged(NamedTuple):
    """A frame, and what may be seen of it.

    alpha: What of it is the people who stay sharp; of no meaning where the decision shows nobody.
    """

    frame: FrameInfo
    pyramid: ImagePyramid
    decision: Decision
    alpha: Alpha
    judgement: Judgement


class Judge:
    """Hides everybody in every frame.

    Args:
        settings: Of compose.
    """

    def __init__(self, settings: ComposeSettings) -> None:
        pass

    def add(self, frame: FrameInfo, picture: BgrImage, result: MasksInferred | None) -> list[Judged]:
        """Take the next frame. Return the frames that are judged now, in order.

        Args:
            frame: Describes it.
            picture: (H, W, 3) uint8 BGR, which belongs to the judge from now on.
            result: What was found in it; None exactly where nobody looked.
        """
        decision = Decision(State.HIDDEN, "nobody is chosen", -1.0, frame=(frame.epoch, frame.frame_id))
        judgement = Judgement(
            frame.frame_id, stamp_s_of(frame.captured_ns), str(decision.state), decision.reason, result is not None
        )
        return [Judged(frame, ImagePyramid(picture), decision, EMPTY, judgement)]

    def end(self) -> list[Judged]:
        """Take the end of the recording. Return the frames that are still to be judged, in order."""
        return []
