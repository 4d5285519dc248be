from __future__ import annotations

import numpy as np

from common.ipc.records import FrameInfo
from common.vision.pyramid import ImagePyramid
from compose.picture.renderer import Painter, paint_card
from compose.policy import State, Verdict
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker


def test_a_frame_that_came_before_compose_was_stopped_is_a_card() -> None:
    """As in a process that is stopped between reading a frame and judging it: to the display it is lost, like any other."""
    settings = ComposeSettings()
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    frame, notice = FrameInfo(1, 1, 1, 1, "s", 1, 90, 160), "no camera: demo footage"
    into, card = np.empty_like(picture), np.empty_like(picture)
    lost = Verdict(State.LOST, "no frame comes from capture", 2000.0)
    Painter(settings, Tracker(settings, None)).paint(ImagePyramid(picture), frame, lost, into, notice)
    paint_card(lost.reason, card)
    assert (into == card).all()
