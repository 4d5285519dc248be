from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from capture.demo import AWAY_S, CROSSING_S, DemoScene
from capture.portraits import BYSTANDER, SUBJECT, Portrait, cut_out
from capture.sprite import Sprite
from common.vision.assets import fetch

SIZE = (640, 360)
VISIT = round(30 * (CROSSING_S + AWAY_S))  # frames from one visit to the next


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE, fps=30)


def test_a_frame_is_a_pure_function_of_its_number(scene: DemoScene) -> None:
    assert (scene.frame(77) == scene.frame(77)).all()
    assert (scene.frame(77) != scene.frame(99)).any()


@pytest.mark.parametrize("index", [0, 60, 130, 200, 330])
def test_outside_the_masks_only_the_wall_is_drawn(scene: DemoScene, index: int) -> None:
    picture, masks = scene.frame(index), scene.masks(index)
    assert not (masks.subject & masks.bystander).any()
    assert 0.1 < masks.subject.mean() < 0.6
    changed = (picture != scene.wall).any(-1)
    assert (changed & masks.subject).sum() > 0.98 * masks.subject.sum()
    outside = changed & ~masks.subject & ~masks.bystander
    assert outside.mean() < 0.01, "only half-covered pixels of the edge may differ"


def test_the_bystander_crosses_behind_the_subject(scene: DemoScene) -> None:
    shares = np.array([scene.masks(i).bystander.mean() for i in range(0, 390, 10)])
    assert shares[0] < 0.01
    assert shares.max() > 0.07
    assert shares[-8:].max() == 0


def test_the_subject_stays_while_the_bystander_passes_behind_and_later_stands_in_front(
    scene: DemoScene,
) -> None:
    alone = scene.masks(VISIT - 30)
    assert not alone.bystander.any()
    touching, covered, in_front = (np.zeros(2, bool) for _ in range(3))
    for index in range(0, 2 * VISIT, 15):
        masks, visit = scene.masks(index), index // VISIT
        assert masks.subject.sum() > 0.9 * alone.subject.sum()
        assert masks.subject[:200].sum() > 0.95 * alone.subject[:200].sum(), "the face is never covered"
        beside = cv2.dilate(masks.bystander.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        touching[visit] |= bool((beside & masks.subject).any())
        covered[visit] |= not masks.bystander.any() and 60 < index % VISIT < 240
        in_front[visit] |= bool(masks.subject.sum() < 0.98 * alone.subject.sum())
    assert touching.tolist() == [True, True]
    assert covered.tolist() == [True, False], "in the middle of the way the bystander is wholly behind the subject"
    assert in_front.tolist() == [False, True]


@pytest.mark.parametrize("index", [66, 120, 500, 560])
def test_people_extend_below_the_picture(scene: DemoScene, index: int) -> None:
    """They ended in a straight cut above its lower edge, and in one at a side."""
    everybody = scene.masks(index).subject | scene.masks(index).bystander
    below = everybody[-1]
    lowest = everybody.shape[0] - 1 - everybody[::-1].argmax(axis=0)
    assert below.mean() > 0.3
    # a column that somebody is in, and in which nobody reaches the lower edge, is the round side of a head or shoulder
    assert (lowest[everybody.any(axis=0) & ~below] < 0.95 * SIZE[1]).all()


@pytest.mark.parametrize(("index", "differing"), [(330, 0.0), (80, 0.002), (500, 0.002)])
def test_the_masks_match_what_is_drawn(index: int, differing: float) -> None:
    """Whoever is white before black shows where it is drawn; two edges in one pixel may differ."""
    scene = DemoScene(*SIZE, 30)
    scene.wall[:] = 0
    for who in ("_subject", "_bystander"):
        sprites = {name: getattr(scene, name) for name in ("_subject", "_bystander")}
        for name, sprite in sprites.items():
            setattr(scene, name, Sprite(np.full_like(sprite.colour, 255 if name == who else 0), sprite.alpha))
        drawn = scene.frame(index)[..., 0] > 127
        assert (drawn != getattr(scene.masks(index), who[1:])).mean() <= differing


def test_the_subject_breathes_and_turns_smoothly(scene: DemoScene) -> None:
    alone = [scene.masks(index).subject for index in range(280, 385)]
    changes = [float((a ^ b).sum() / a.sum()) for a, b in pairwise(alone)]
    assert max(changes) < 0.03
    tops = [int(mask.any(axis=1).argmax()) for mask in alone]
    assert max(tops) - min(tops) >= 2, "the chest lifts the head"
    rows = [np.flatnonzero(mask[top + 20]) for mask, top in zip(alone, tops, strict=True)]
    feet = [np.flatnonzero(mask[-1]) for mask in alone]
    beside = [head.mean() - foot.mean() for head, foot in zip(rows, feet, strict=True)]
    assert max(beside) - min(beside) > 6, "the head does not only go with the body"


@pytest.mark.parametrize(
    ("portrait", "room"),
    [(BYSTANDER, (200, 140, 85)), (SUBJECT, (205, 205, 210)), (SUBJECT, (30, 20, 160))],  # BGR
    ids=["blue wall", "pale wall", "red of the flag"],
)
def test_the_edge_has_no_colours_of_the_portraits_background(portrait: Portrait, room: tuple[int, int, int]) -> None:
    sprite = cut_out(portrait, 400)
    x0, y0, x1, y1 = portrait.box_xyxy
    picture = np.asarray(cv2.imread(str(fetch(portrait.asset))), np.uint8)[y0:y1, x0:x1]
    raw = np.zeros((y1 - y0, x1 - x0, 3), np.uint8)
    raw[: len(picture)] = picture
    raw = np.asarray(cv2.resize(raw, sprite.alpha.shape[::-1]), np.uint8)
    edge = (sprite.alpha > 20) & (sprite.alpha < 235)
    alike = [
        float((np.abs(colour[edge].astype(int) - room).max(axis=-1) < 30).mean()) for colour in (sprite.colour, raw)
    ]
    assert alike[0] < 0.1 * alike[1]
    assert alike[1] > 0.02, "the negative control: it is in the portrait"
