"""The crop around the subject: where it lies, how it glides, and where in the frame a click into it was."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from common.ipc.records import FrameInfo, SelectSubjectAt, SetFollow
from common.vision.pyramid import ImagePyramid
from compose.loop import crop_of
from compose.picture.alpha import EMPTY, Alpha
from compose.picture.framing import HOLD_NS, LEAST_SIZE, WHOLE, Crop, Framing, crop_around, glide
from compose.picture.renderer import Renderer
from compose.policy import Decision, State
from compose.settings import ComposeSettings

WH = (1280, 720)
FPS = 30


def person(x: int, top: int = 300, wide: int = 260, hand: tuple[int, int] | None = None) -> Alpha:
    """Somebody whose middle is in column x, cut by the lower edge, perhaps with a hand in the air."""
    opacity = np.zeros(WH[::-1], np.uint8)
    opacity[top : top + 160, max(x - 60, 0) : x + 60] = 255
    opacity[top + 150 :, max(x - wide // 2, 0) : x + wide // 2] = 255
    if hand:
        opacity[hand[1] : hand[1] + 70, hand[0] : hand[0] + 50] = 255
    return Alpha(opacity, (0, 0, *WH))


class Played:
    """A picture that follows somebody."""

    def __init__(self) -> None:
        self.framing, self.frames = Framing(), 0

    def play(self, who: Alpha | None, seconds: float) -> list[Crop]:
        crops = []
        for _ in range(round(seconds * FPS)):
            self.frames += 1
            at_ns = self.frames * 1_000_000_000 // FPS
            crops.append(self.framing.update(at_ns, at_ns + 5_000_000, who, WH))
        return crops


def pixels(crop: Crop) -> tuple[int, int, int, int]:
    """The half-open box x0, y0, x1, y1 of the frame that is shown."""
    corners = crop.to_frame(WH) @ np.array([[-0.5, WH[0] - 0.5], [-0.5, WH[1] - 0.5], [1, 1]]) + 0.5
    (x0, x1), (y0, y1) = np.rint(corners).astype(int).tolist()
    return x0, y0, x1, y1


def wanted(who: Alpha) -> Crop:
    crop = crop_around(who, WH)
    assert crop is not None
    return crop


def standing(x: int, top: int, bottom: int) -> Alpha:
    """Somebody farther away, of whom the feet are in view."""
    opacity = np.zeros(WH[::-1], np.uint8)
    opacity[top:bottom, x - 50 : x + 50] = 255
    return Alpha(opacity, (0, 0, *WH))


def test_the_crop_holds_the_subject_with_room_above_the_head() -> None:
    x0, y0, x1, y1 = pixels(wanted(person(900)))
    assert (x1 - x0) / (y1 - y0) == pytest.approx(WH[0] / WH[1], rel=0.01), "the shape of the picture stays"
    assert y0 < 300 - 20 and y1 > 460 + 150 and x0 < 770 and x1 > 1030
    assert round(LEAST_SIZE * WH[1]) <= y1 - y0 < 0.9 * WH[1]


@pytest.mark.parametrize("x", [480, 640, 800])
def test_somebody_at_a_desk_who_fills_the_picture_s_height_comes_to_its_middle(x: int) -> None:
    crop = wanted(person(x, top=90, wide=420))
    x0, y0, x1, _ = pixels(crop)
    assert crop.size < 0.9 and abs((x0 + x1) / 2 - x) < 60
    assert y0 < 90 - 20 and x0 <= x - 210 and x1 >= x + 210


def test_who_is_not_cut_by_the_lower_edge_is_shown_from_head_to_foot() -> None:
    for bottom in (520, 600):
        _, y0, _, y1 = pixels(wanted(standing(700, 100, bottom)))
        assert y0 < 100 and y1 >= bottom


def test_between_cut_and_whole_the_size_does_not_jump() -> None:
    sizes = [wanted(standing(700, 100, bottom)).size for bottom in range(560, 721, 4)]
    assert max(abs(after - before) for before, after in pairwise(sizes)) < 0.08


@pytest.mark.parametrize("who", [EMPTY, Alpha(np.zeros((20, 20), np.uint8), (0, 0, 20, 20))])
def test_without_anybody_there_is_no_crop_and_the_picture_stays_for_a_while(who: Alpha) -> None:
    assert crop_around(who, WH) is None
    played = Played()
    close = played.play(person(640), 6)[-1]
    assert played.play(who, HOLD_NS / 1e9 - 0.1)[-1] == pytest.approx(close, abs=1e-3)


@pytest.mark.parametrize("x", [0, 100, 640, 1279])
def test_it_lies_inside_the_picture_wherever_the_subject_is(x: int) -> None:
    x0, y0, x1, y1 = pixels(wanted(person(x)))
    assert 0 <= x0 < x1 <= WH[0] and 0 <= y0 < y1 <= WH[1]


def test_it_glides_and_never_jumps_nor_overshoots() -> None:
    played = Played()
    played.play(person(400), 6)
    crops = played.play(person(900), 6)
    steps = [after.x - before.x for before, after in pairwise(crops)]
    assert max(map(abs, steps)) * WH[0] < 20, "pixels a frame"
    assert max(abs(after - before) for before, after in pairwise(steps)) * WH[0] < 4, "it begins and ends softly"
    assert min(steps) > -1e-6, "it never goes back"
    assert crops[-1].x == pytest.approx(wanted(person(900)).x, abs=0.02)


def test_it_chases_no_hands_and_no_breath() -> None:
    played = Played()
    rest = played.play(person(640), 6)[-1]
    for hand in ((300, 200), (900, 150), (640, 100)):
        assert all(crop == pytest.approx(rest, abs=1e-3) for crop in played.play(person(640, hand=hand), 1))
    for n in range(60):
        assert played.play(person(640 + round(15 * math.sin(n / 5))), 1 / FPS)[0] == pytest.approx(rest, abs=1e-3)


def test_it_comes_to_rest_and_chases_nobody_who_sways_or_signs() -> None:
    """As measured while somebody signs: the size differs by 3.5 %, the middle by 1 %."""
    rng, played = np.random.default_rng(0), Played()
    crops = []
    for n in range(20 * FPS):
        sway = 0.03 * WH[0] * math.sin(2 * math.pi * n / FPS / 5)
        x, wide = round(640 + sway + rng.normal(0, 6)), round(300 * (1 + rng.normal(0, 0.035)))
        crops += played.play(person(x, wide=wide), 1 / FPS)
    rest = crops[4 * FPS]
    assert rest.size < 0.9, "it has moved"
    assert all(crop == pytest.approx(rest, abs=2e-3) for crop in crops[4 * FPS :])


def test_it_does_not_close_in_while_somebody_passes_before_a_shoulder() -> None:
    played = Played()
    rest = played.play(person(640, wide=360), 6)[-1]
    assert all(crop == pytest.approx(rest, abs=2e-3) for crop in played.play(person(670, wide=240), 3))
    assert played.play(person(640, wide=360), 3)[-1] == pytest.approx(rest, abs=2e-3)


def test_it_widens_soon_and_closes_in_late() -> None:
    played = Played()
    rest = played.play(person(640, wide=300), 8)[-1]
    wider = played.play(person(640, wide=480), 3)[-1]
    assert wider.size == pytest.approx(wanted(person(640, wide=480)).size, abs=0.03) and wider.size > rest.size + 0.1
    assert played.play(person(640, wide=300), 30)[-1].size == pytest.approx(rest.size, abs=0.06)


def test_whoever_walks_by_at_a_seventh_of_the_width_a_second_stays_in_view() -> None:
    played = Played()
    played.play(person(300), 6)
    for x in range(300, 1000, WH[0] // 7 // FPS):
        crop = played.play(person(x), 1 / FPS)[0]
        x0, _, x1, _ = pixels(crop)
        assert x0 <= x - 130 and x + 130 <= x1


def test_it_stays_a_while_and_then_glides_to_the_whole_picture_where_nobody_is_shown() -> None:
    played = Played()
    close = played.play(person(640), 6)[-1]
    assert close.size < 0.9
    assert played.play(None, HOLD_NS / 1e9 - 0.1)[-1] == pytest.approx(close, abs=1e-3)
    assert played.play(None, 5)[-1].is_whole


def test_it_glides_to_the_whole_picture_as_soon_as_a_viewer_no_longer_follows() -> None:
    renderer, decision = Renderer(ComposeSettings(follow=True)), Decision(State.LIVE, "", 0.0, (), 1.0, frame=(1, 1))
    sizes = []
    for n in range(1, 10 * FPS):
        if n == 7 * FPS:
            renderer.chosen.apply(SetFollow(False))
        frame = FrameInfo(1, n, n * 1_000_000_000 // FPS, n, "s", n, WH[1], WH[0])
        sizes.append(crop_of(frame, decision, person(640), renderer).size)
    assert sizes[7 * FPS - 2] < 0.9, "the negative control: it was cropped"
    assert sizes[7 * FPS + FPS // 2] > sizes[7 * FPS - 2] + 0.05 and sizes[-1] > 0.98


def test_a_slow_source_glides_in_small_steps_and_the_same_frame_again_stays() -> None:
    framing = Framing()
    first = framing.update(1_000_000_000, 1, person(900), WH)
    assert framing.update(1_000_000_000, 2, person(900), WH) == first
    assert abs(framing.update(3_000_000_000, 3, person(900), WH).size - first.size) < 0.05


def test_a_spring_is_where_it_is_whatever_the_steps() -> None:
    once, often = glide(0.0, 0.3, 1.0, 0.5), (0.0, 0.3)
    for _ in range(50):
        often = glide(*often, 1.0, 0.01)
    assert often == pytest.approx(once)


def test_a_click_is_mapped_through_the_crop_that_was_shown() -> None:
    framing = Framing()
    seen = {}
    for n in range(1, 90):
        seen[n] = framing.update(n * 33_000_000, n * 33_000_000, person(900), WH)
    for n in (1, 40, 89):
        crop, at = seen[n], framing.in_frame(SelectSubjectAt(0.25, 0.75), n * 33_000_000 + 10)
        assert (at.x, at.y) == pytest.approx((crop.x - 0.25 * crop.size, crop.y + 0.25 * crop.size))
    assert seen[89].size < 0.9, "the negative control: it is another place than the one clicked"
    framing.whole(5_000_000_000)
    assert framing.in_frame(SelectSubjectAt(0.25, 0.75), 5_000_000_001) == SelectSubjectAt(0.25, 0.75)
    assert Framing().in_frame(SelectSubjectAt(1.0, 0.0), 1) == SelectSubjectAt(1.0, 0.0)


def test_a_box_is_told_as_it_is_seen_in_the_crop() -> None:
    assert WHOLE.seen((0.1, 0.2, 0.3, 0.4)) == pytest.approx((0.1, 0.2, 0.3, 0.4))
    crop = Crop(0.75, 0.5, 0.5)
    assert crop.seen((0.6, 0.5, 0.7, 0.7)) == pytest.approx((0.2, 0.5, 0.4, 0.9))
    assert crop.seen((0.4, 0.0, 0.75, 1.0)) == pytest.approx((0.0, 0.0, 0.5, 1.0)), "what is cut off is left out"
    assert crop.seen((0.0, 0.0, 0.4, 1.0)) == ()


def test_the_crop_fills_the_composite_whose_size_stays() -> None:
    picture = np.zeros((72, 128, 3), np.uint8)
    picture[:, 64:] = 200
    into = np.zeros_like(picture)
    decision = Decision(State.LIVE, "", 0.0, (), 1.0, frame=(1, 1))
    all_sharp = Alpha(np.full((72, 128), 255, np.uint8), (0, 0, 128, 72))
    renderer = Renderer(ComposeSettings())
    info = FrameInfo(1, 1, 1, 1, "s", 1, 72, 128)
    for crop, left in ((WHOLE, 0), (Crop(0.75, 0.5, 0.5), 200)):
        renderer.render(ImagePyramid(picture), info, decision, all_sharp, into, crop=crop)
        assert into[36, 10, 0] == left and into[36, 120, 0] == 200


def test_a_slow_glide_moves_the_picture_by_fractions_of_a_pixel() -> None:
    ramp = np.repeat(np.linspace(0, 254, 128).astype(np.uint8)[None, :, None], 72, 0)
    picture = np.repeat(ramp, 3, 2)
    decision = Decision(State.LIVE, "", 0.0, (), 1.0, frame=(1, 1))
    all_sharp = Alpha(np.full((72, 128), 255, np.uint8), (0, 0, 128, 72))
    renderer, info = Renderer(ComposeSettings()), FrameInfo(1, 1, 1, 1, "s", 1, 72, 128)
    seen = []
    for step in range(11):
        into = np.empty_like(picture)
        crop = Crop(0.5 + step / 10 * 2 / 128, 0.5, 0.7)  # by two pixels, in ten steps
        renderer.render(ImagePyramid(picture), info, decision, all_sharp, into, crop=crop)
        seen.append(float(into[:, 20:-20].mean()))
    steps = np.diff(seen)
    assert steps.sum() == pytest.approx(4, abs=0.3), "two grey levels a pixel"
    assert steps == pytest.approx(0.4, abs=0.15), "none stands still, and none jumps"
