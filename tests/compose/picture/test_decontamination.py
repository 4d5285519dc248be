"""The edge before another background, on a portrait whose colours and opacity are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from capture.portraits import SUBJECT, cut_out
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import EMPTY, Alpha
from compose.picture.blend import blend
from compose.picture.decontamination import decontaminate
from compose.picture.edge_shape import shape_edge

GREEN = (0, 200, 0)


@pytest.mark.parametrize("wall", [(250, 250, 250), (20, 20, 20), (180, 60, 40)], ids=["white", "black", "blue"])
@pytest.mark.parametrize("softer", [1, 9])
def test_most_of_the_old_background_goes_out_of_the_edge(wall: tuple[int, int, int], softer: int) -> None:
    sprite = cut_out(SUBJECT, 500)
    opacity = cv2.blur(sprite.alpha, (softer, softer))
    part = opacity[..., None] / np.float32(255)
    picture = np.full((720, 1280, 3), wall, np.uint8)
    x, y = 400, 720 - opacity.shape[0]
    where = np.s_[y:, x : x + opacity.shape[1]]
    picture[where] = np.rint(part * sprite.colour + (1 - part) * wall).astype(np.uint8)
    truth = part * sprite.colour + (1 - part) * np.array(GREEN, np.float32)
    alpha = Alpha(opacity, (x, y, x + opacity.shape[1], 720))
    into = np.full_like(picture, GREEN)
    blend(picture, alpha, into)
    edge = (opacity > 25) & (opacity < 230)
    before = np.abs(into[where] - truth)[edge].mean()
    outside = into.copy()
    decontaminate(ImagePyramid(picture), alpha, into)
    after = np.abs(into[where] - truth)[edge].mean()
    assert before > 4, "the halo is there"
    assert after < 0.6 * before
    unmixed = np.zeros((720, 1280), bool)
    unmixed[where] = (opacity > 0) & (opacity < 255)
    assert (into == outside)[~unmixed].all(), "only the edge changes"


@pytest.mark.parametrize("margin", [0.0, -4.0])
def test_a_feather_inside_the_person_holds_nothing_of_the_old_background(margin: float) -> None:
    sprite = cut_out(SUBJECT, 500)
    picture, x, y = np.full((720, 1280, 3), 250, np.uint8), 400, 720 - sprite.alpha.shape[0]
    part = sprite.alpha[..., None] / np.float32(255)
    where = np.s_[y:, x : x + sprite.alpha.shape[1]]
    picture[where] = np.rint(part * sprite.colour + (1 - part) * 250).astype(np.uint8)
    found = Alpha(sprite.alpha, (x, y, x + sprite.alpha.shape[1], 720))
    who = shape_edge(found, 16.0, margin, (1280, 720), np.zeros((144, 256), np.uint8))
    into = np.full_like(picture, GREEN)
    blend(picture, who, into)
    before = into.copy()
    decontaminate(ImagePyramid(picture), who, into)
    pure = np.zeros((720, 1280), bool)
    pure[where] = sprite.alpha == 255
    assert ((before != GREEN) & (before != picture)).any(-1)[pure].mean() > 0.05, "much of the person fades"
    assert (into == before)[pure].all()
    assert margin or (into != before).any(), "the mixed pixels are cleaned as before"


def test_an_edge_beside_nothing_that_is_sure_stays_as_it_is() -> None:
    picture, into = np.full((72, 128, 3), 100, np.uint8), np.full((72, 128, 3), 50, np.uint8)
    for alpha in (
        EMPTY,
        Alpha(np.full((30, 30), 128, np.uint8), (10, 10, 40, 40)),
        Alpha(np.full((30, 30), 255, np.uint8), (10, 10, 40, 40)),
    ):
        decontaminate(ImagePyramid(picture), alpha, into)
    assert (into == 50).all()
