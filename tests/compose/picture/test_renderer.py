from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import SourceError
from common.ipc.records import FrameInfo, SetEdge, SetFollow, SetHide, Style
from common.runtime.user_folder import background_image
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha
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


HIDDEN = Decision(State.HIDDEN, "nobody found", 0.0, frame=(1, 1))
NOISE = np.random.default_rng(2).integers(0, 256, (90, 160, 3), np.uint8)


def hidden(renderer: Renderer) -> np.ndarray:
    into = np.empty_like(NOISE)
    renderer.render(ImagePyramid(NOISE), FrameInfo(1, 1, 1, 1, "s", 1, 90, 160), HIDDEN, None, into)
    return into


def test_a_viewer_chooses_a_stronger_blur_but_none_that_is_too_weak() -> None:
    renderer = Renderer(ComposeSettings(kernel=301))
    assert renderer.style((160, 90)).blur > 4, "the kernel of the settings, until somebody chooses"
    left = {}
    for strength in (1.0, 0.01, 3.0):
        renderer.set_blur(strength)
        left[strength] = float(hidden(renderer).std())
        assert renderer.style((160, 90)).blur == max(1.0, strength)
    assert left[0.01] == left[1.0] > 2 * left[3.0]


def test_the_users_image_is_a_background_without_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    renderer = Renderer(ComposeSettings(background="color:00ff00"))
    with pytest.raises(SourceError, match="expected the image that was uploaded on the page"):
        renderer.set_background("image")
    assert (hidden(renderer) == (0, 255, 0)).all() and renderer.style((160, 90)).background == "color:00ff00"
    background_image().parent.mkdir()
    cv2.imwrite(str(background_image()), np.full((9, 16, 3), 77, np.uint8))
    renderer.set_background("image")
    assert (hidden(renderer) == 77).all() and renderer.style((160, 90)).background == "image"
    renderer.set_background("")
    assert (hidden(renderer) == (0, 255, 0)).all()


def test_displays_are_told_no_path_of_a_background(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "secret.png"), NOISE)
    assert Renderer(ComposeSettings(background=f"image:{tmp_path}/secret.png")).style((160, 90)).background == "file"


def test_the_style_is_that_of_the_settings_until_a_viewer_chooses() -> None:
    settings = ComposeSettings(hide="people", follow=True, feather=3.0, margin=-2.0)
    renderer = Renderer(settings)
    assert renderer.style((150, 105)) == Style("people", True, 3.0, -2.0, 35 / 30, "blur")
    for command in (SetHide("room"), SetFollow(False), SetEdge(0.0, 1.0)):
        renderer.chosen.apply(command)
    assert renderer.style((150, 105)) == Style("room", False, 0.0, 1.0, 35 / 30, "blur")


@pytest.mark.parametrize(
    ("background", "edge", "is_shown"),
    [("color:00c800", "soft", False), ("color:00c800", "hard", True), ("blur", "soft", True)],
)
@pytest.mark.parametrize("opacity", [1.0, 0.5])
def test_a_rim_of_the_old_room_is_hidden_before_a_colour(
    background: str, edge: str, is_shown: bool, opacity: float
) -> None:
    """The hard edge is the tutorial's, and before a blur of the room a rim of it is not seen."""
    picture = np.full((360, 640, 3), 250, np.uint8)
    picture[100:, 200:400] = (40, 30, 90)
    alpha = Alpha(np.full((262, 204), 255, np.uint8), (198, 98, 402, 360))
    into, decision = np.empty_like(picture), Decision(State.LIVE, "", 0.0, opacity=opacity, frame=(1, 1))
    renderer = Renderer(ComposeSettings(background=background, edge=edge))
    renderer.render(ImagePyramid(picture), FrameInfo(1, 1, 1, 1, "s", 1, 360, 640), decision, alpha, into)
    rim = into[120:, [198, 401], 2]  # red, of which the colour has nothing
    assert (rim > 100).all() if is_shown else (rim < 30).all()
