"""The edge before another background, on a portrait whose colours and opacity are known."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pytest

from capture.portraits import SUBJECT, cut_out
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import EMPTY, Alpha, mixture_of, scale_alpha
from compose.picture.blend import blend
from compose.picture.decontamination import decontaminate, settle
from compose.picture.edge_shape import shape_edge

GREEN = (0, 200, 0)
WALLS = pytest.mark.parametrize("wall", [(250, 250, 250), (20, 20, 20), (180, 60, 40)], ids=["white", "black", "blue"])
X = 400  # of the portrait in the picture
NOBODY = np.zeros((144, 256), np.uint8)


class Portrait(NamedTuple):
    """Somebody before a plain wall, their true alpha and where they are in the picture."""

    picture: np.ndarray
    alpha: Alpha
    colour: np.ndarray

    @property
    def where(self) -> tuple[slice, slice]:
        x0, y0, x1, y1 = self.alpha.box_xyxy
        return np.s_[y0:y1, x0:x1]

    def over(self, colour: tuple[int, int, int]) -> np.ndarray:
        """The true composite, (h, w, 3) float32, of the alpha's box."""
        part = self.alpha.opacity[..., None] / np.float32(255)
        return np.asarray(part * self.colour + (1 - part) * np.array(colour, np.float32))


def portrait(wall: tuple[int, int, int], softer: int = 1, size_wh: tuple[int, int] = (1280, 720)) -> Portrait:
    sprite = cut_out(SUBJECT, 500)
    opacity = cv2.blur(sprite.alpha, (softer, softer))
    height, width = opacity.shape
    alpha = Alpha(opacity, (X, size_wh[1] - height, X + width, size_wh[1]))
    found = Portrait(np.full((*size_wh[::-1], 3), wall, np.uint8), alpha, sprite.colour)
    found.picture[found.where] = np.rint(found.over(wall)).astype(np.uint8)
    return found


def moved_out(alpha: Alpha, pixels: int) -> Alpha:
    """An alpha that lies too far out, as a matte's may."""
    return Alpha(cv2.dilate(alpha.opacity, np.ones((2 * pixels + 1,) * 2, np.uint8)), alpha.box_xyxy)


def composed(picture: np.ndarray, who: Alpha, colour: tuple[int, int, int] = GREEN) -> np.ndarray:
    into = np.full_like(picture, colour)
    settled, near = settle(ImagePyramid(picture), who)
    blend(picture, settled, into)
    decontaminate(ImagePyramid(picture), settled, near, into)
    return into


def blended(picture: np.ndarray, who: Alpha) -> np.ndarray:
    into = np.full_like(picture, GREEN)
    blend(picture, who, into)
    return into


@WALLS
@pytest.mark.parametrize("softer", [1, 9])
def test_most_of_the_old_background_goes_out_of_an_exact_edge(wall: tuple[int, int, int], softer: int) -> None:
    seen = portrait(wall, softer)
    edge = (seen.alpha.opacity > 25) & (seen.alpha.opacity < 230)
    before, after = (
        np.abs(into[seen.where] - seen.over(GREEN))[edge].mean()
        for into in (blended(seen.picture, seen.alpha), composed(seen.picture, seen.alpha))
    )
    assert before > 4, "the halo is there"
    assert after < 0.6 * before


@WALLS
@pytest.mark.parametrize("size_wh", [(1280, 720), (1279, 717)])
def test_a_wall_inside_of_an_alpha_that_is_too_wide_is_gone(
    wall: tuple[int, int, int], size_wh: tuple[int, int]
) -> None:
    """Its pixels have an opacity of 255."""
    seen = portrait(wall, size_wh=size_wh)
    found = moved_out(seen.alpha, 2)
    ring = (found.opacity > 0) & (seen.alpha.opacity < 255)
    before, after = (
        np.abs(into[seen.where] - seen.over(GREEN))[ring].mean()
        for into in (blended(seen.picture, found), composed(seen.picture, found))
    )
    assert before > 25 and after < 0.35 * before


@WALLS
def test_nothing_is_shown_that_was_hidden_and_nothing_inside_is_touched(wall: tuple[int, int, int]) -> None:
    seen = portrait(wall)
    rng = np.random.default_rng(3)
    noisy = np.clip(seen.picture + rng.normal(0, 25, seen.picture.shape), 0, 255).astype(np.uint8)
    for found in (seen.alpha, moved_out(seen.alpha, 4), shape_edge(seen.alpha, 6.0, 3.0, (1280, 720), NOBODY)):
        settled, _ = settle(ImagePyramid(noisy), found)
        assert settled.box_xyxy == found.box_xyxy
        assert (settled.opacity <= found.opacity).all()
        deep = cv2.erode(mixture_of(found), np.ones((17, 17), np.uint8)) == 255
        assert (settled.opacity == found.opacity)[deep].all()
        x0, y0, x1, y1 = found.box_xyxy
        into, before = (np.array(make(noisy, found)[y0:y1, x0:x1]) for make in (composed, blended))
        assert (into == before)[(found.opacity == 0) | deep].all()


def test_who_looks_like_the_wall_gets_no_holes() -> None:
    rng = np.random.default_rng(4)
    picture = np.clip(rng.normal(30, 3, (720, 1280, 3)), 0, 255).astype(np.uint8)
    opacity = cv2.GaussianBlur(cv2.circle(np.zeros((400, 400), np.uint8), (200, 200), 180, 255, -1), (5, 5), 0)
    who = Alpha(opacity, (300, 100, 700, 500))
    cv2.circle(picture, (500, 300), 180, (38, 34, 36), -1)
    settled, _ = settle(ImagePyramid(picture), who)
    assert (settled.opacity == opacity).all()


def test_stripes_in_the_walls_colour_are_cut_by_a_few_pixels_at_most() -> None:
    wall, shirt = 200, (90, 40, 30)
    picture = np.full((720, 1280, 3), wall, np.uint8)
    picture[100:720, 400:800] = shirt
    for top in range(110, 720, 40):
        picture[top : top + 8, 400:800] = wall
    opacity = np.full((620, 400), 255, np.uint8)
    settled, _ = settle(ImagePyramid(picture), Alpha(opacity, (400, 100, 800, 720)))
    assert (settled.opacity[8:, 8:-8] == 255).all()
    assert (settled.opacity < 128).mean() < 0.005


@WALLS
def test_the_edge_flickers_no_more_than_without(wall: tuple[int, int, int]) -> None:
    seen, rng = portrait(wall), np.random.default_rng(5)
    found = moved_out(seen.alpha, 1)
    noisy = [np.clip(seen.picture + rng.normal(0, 4, seen.picture.shape), 0, 255).astype(np.uint8) for _ in range(2)]
    edge = np.zeros(seen.picture.shape[:2], bool)
    edge[seen.where] = (found.opacity > 0) & (cv2.erode(found.opacity, np.ones((9, 9), np.uint8)) < 255)
    before, after = (
        np.abs(np.subtract(*(make(picture, found)[edge].astype(np.float32) for picture in noisy))).mean()
        for make in (blended, composed)
    )
    assert after < before


@pytest.mark.parametrize("margin", [0.0, -4.0])
def test_a_feather_inside_the_person_holds_nothing_of_the_old_background(margin: float) -> None:
    seen = portrait((250, 250, 250))
    who = shape_edge(seen.alpha, 16.0, margin, (1280, 720), NOBODY)
    into, before = composed(seen.picture, who), blended(seen.picture, who)
    pure = np.zeros((720, 1280), bool)
    pure[seen.where] = seen.alpha.opacity == 255
    assert ((before != GREEN) & (before != seen.picture)).any(-1)[pure].mean() > 0.05, "much of the person fades"
    assert np.abs(into - before.astype(np.float32))[pure].mean() < 0.01, "at most single pixels at the very edge"
    pure[seen.where] = cv2.erode(seen.alpha.opacity, np.ones((9, 9), np.uint8)) == 255
    assert (into == before)[pure].all()
    assert margin or (into != before).any(), "the mixed pixels are cleaned as before"


def test_who_fades_in_has_no_halo_either() -> None:
    seen = portrait((250, 250, 250), softer=9)
    pyramid = ImagePyramid(seen.picture)
    settled, near = settle(pyramid, seen.alpha)
    half = scale_alpha(settled, 0.5)
    into = blended(seen.picture, half)
    decontaminate(pyramid, half, near, into)
    whole = composed(seen.picture, seen.alpha)
    assert np.abs(into - (0.5 * whole + 0.5 * np.array(GREEN)))[seen.where].max() < 4


def test_an_edge_beside_nothing_that_is_sure_stays_as_it_is() -> None:
    picture = np.full((72, 128, 3), 100, np.uint8)
    for alpha in (
        EMPTY,
        Alpha(np.full((30, 30), 128, np.uint8), (10, 10, 40, 40)),
        Alpha(np.full((30, 30), 255, np.uint8), (10, 10, 40, 40)),
        Alpha(np.full((72, 128), 255, np.uint8), (0, 0, 128, 72)),
    ):
        settled, near = settle(ImagePyramid(picture), alpha)
        assert (settled.opacity == alpha.opacity).all()
        into = np.full_like(picture, 50)
        decontaminate(ImagePyramid(picture), settled, near, into)
        assert (into == 50).all()


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 50), (50, 1), (2, 720), (4, 2000), (720, 1)])
def test_a_picture_that_is_too_narrow_for_an_edge_is_left_as_it_is(size_wh: tuple[int, int]) -> None:
    alpha = Alpha(np.full(size_wh[::-1], 255, np.uint8), (0, 0, *size_wh))
    settled, _ = settle(ImagePyramid(np.zeros((*size_wh[::-1], 3), np.uint8)), alpha)
    assert settled is alpha
