from __future__ import annotations

import numpy as np
import pytest

from compose.who.appearance import PARTS, Light, appearance_of, part_similarities
from compose.who.light import MOST_GAIN
from tests.compose.who.test_flow import texture

H, W = 144, 256
AREA = np.zeros((H, W), np.uint8)
AREA[24:144, 100:160] = 255
NOBODY = np.zeros((H, W), np.uint8)


def person(head: tuple[int, int, int], upper: tuple[int, int, int], lower: tuple[int, int, int]) -> np.ndarray:
    picture = np.full((H, W, 3), 128, np.uint8)
    for top, colour in ((24, head), (54, upper), (84, lower)):
        picture[top:, 100:160] = colour
    return picture


SKIN, RED, BLUE = (140, 170, 220), (40, 40, 200), (200, 60, 30)


def test_each_part_is_compared_with_its_own() -> None:
    me = appearance_of(person(SKIN, RED, RED), AREA)
    assert me is not None and me.shape[0] == len(PARTS) and me.sum(1) == pytest.approx(1)
    head, upper, lower = part_similarities(me, appearance_of(person(BLUE, RED, RED), AREA))
    assert head < 0.2 < upper < 0.8 < lower, "the same jumper, another head"
    head, _, lower = part_similarities(me, appearance_of(person(SKIN, RED, BLUE), AREA))
    assert lower < 0.2 and head > 0.99
    assert (part_similarities(me, None) == 0).all()


def test_a_little_more_light_is_not_another_colour() -> None:
    """With hard bins everything fell into the next one at once."""
    colour = np.array(RED)
    scores = [
        part_similarities(
            appearance_of(person(SKIN, RED, RED), AREA), appearance_of(person(SKIN, RED, tuple(colour + more)), AREA)
        )[2]
        for more in (0, 4, 8, 24, 80)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] > 0.65 and scores[-1] < 0.3


def test_who_is_too_small_has_no_look() -> None:
    speck = np.zeros((H, W), np.uint8)
    speck[10:14, 10:14] = 255
    assert appearance_of(person(SKIN, RED, RED), speck) is None


def room() -> np.ndarray:
    return np.repeat(texture(3, H, W)[..., None] // 2 + 60, 3, axis=2).astype(np.uint8)


def test_another_exposure_and_white_balance_are_taken_out_wherever_people_are() -> None:
    light, before = Light(), room()
    assert (light.compensate(before, AREA) == before).all()
    light.remember()
    after = np.clip(before * np.array((0.80, 0.85, 0.90)), 0, 255).astype(np.uint8)
    moved = np.roll(AREA, 60, 1)
    after[moved > 0] = BLUE
    assert np.abs(light.compensate(after, moved)[moved == 0].astype(int) - before[moved == 0]).max() <= 3
    # as long as it is not said that the subject is in it, everything is compared with the picture before
    assert np.abs(light.compensate(before, AREA).astype(int) - before).max() <= 1


def test_what_has_no_room_in_it_is_left_as_it_is() -> None:
    light, before = Light(), room()
    light.compensate(before, NOBODY)
    light.remember()
    everywhere = np.full((H, W), 255, np.uint8)
    assert (light.compensate(before // 2, everywhere) == before // 2).all()


def test_another_picture_is_no_other_light() -> None:
    light = Light()
    light.compensate(np.full((H, W, 3), 20, np.uint8), NOBODY)
    light.remember()
    assert light.compensate(np.full((H, W, 3), 200, np.uint8), NOBODY).min() == round(200 / MOST_GAIN)
