from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import FrameInfo
from common.vision.pyramid import ImagePyramid
from compose.picture.renderer import Renderer, draw_card
from compose.policy import Decision, State
from compose.settings import ComposeSettings


def test_a_frame_that_came_before_compose_was_stopped_is_a_card() -> None:
    """As in a process that is stopped between reading a frame and judging it: to the display it is lost, like any other."""
    settings = ComposeSettings()
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    frame, notice = FrameInfo(1, 1, 1, 1, "s", 1, 90, 160), "no camera: demo footage"
    into, card = np.empty_like(picture), np.empty_like(picture)
    lost = Decision(State.LOST, "no frame comes from capture", 2000.0, frame=(1, 1))
    Renderer(settings).render(ImagePyramid(picture), frame, lost, None, into, notice=notice)
    draw_card(lost.reason, card)
    assert (into == card).all()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("other", [(1, 2), (2, 1)], ids=["another frame", "another epoch"])
def test_a_frame_is_never_painted_with_the_decision_on_another_one(state: State, other: tuple[int, int]) -> None:
    """It may have been made before somebody turned privacy on, or before another person sat down."""
    settings, picture = ComposeSettings(refine="none"), np.full((90, 160, 3), 200, np.uint8)
    frame, into = FrameInfo(1, 1, 1, 1, "s", 1, 90, 160), np.zeros_like(picture)
    with pytest.raises(RuntimeError, match="decision on"):
        Renderer(settings).render(ImagePyramid(picture), frame, Decision(state, "", 0.0, frame=other), None, into)
    assert not into.any()


@pytest.mark.parametrize("state", [State.LIVE, State.EVERYBODY])
def test_people_are_not_shown_where_nobody_says_where_they_are(state: State) -> None:
    picture = np.full((90, 160, 3), 200, np.uint8)
    frame, into = FrameInfo(1, 1, 1, 1, "s", 1, 90, 160), np.zeros_like(picture)
    decision = Decision(state, "", 0.0, opacity=1.0, frame=(1, 1))
    with pytest.raises(RuntimeError, match="nobody said where they are"):
        Renderer(ComposeSettings()).render(ImagePyramid(picture), frame, decision, None, into)
    assert not into.any()
