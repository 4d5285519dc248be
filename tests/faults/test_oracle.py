"""What the oracle lets pass and what it finds: each measure beside its negative control, at every size."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo, Style
from compose.picture.renderer import draw_card
from tests.faults.hiding import Mask, Picture, blurred, composed, edge_of, over, shown
from tests.faults.oracle import ALWAYS_LEAKS, BOUND, LeakOracle
from tests.faults.scenes import PatternedScene

SIZE = (640, 360)
SIZES = [(640, 360), (854, 480), (1280, 720), (1920, 1080), (3840, 2160)]
FRAMES = [0, 66, 85, 100, 130, 165, 200, 330]  # nobody else, beside, touching, half hidden, covered, coming out
BESIDE = [66, 85, 165, 200]  # the bystander can be seen
DEFAULT, FLOOR, WEAK = 30, 35, 50  # sigma is the height divided by that
KERNEL_41 = 6.5  # pixels, the sigma that cv2.GaussianBlur derives from a kernel of 41: the strength of former versions

at_every_size = pytest.mark.parametrize("size_wh", SIZES, ids=lambda s: f"{s[1]}p")


@cache
def scene_of(size_wh: tuple[int, int]) -> PatternedScene:
    return PatternedScene(*size_wh, 30)


@pytest.fixture(scope="module")
def scene() -> PatternedScene:
    return scene_of(SIZE)


@pytest.fixture(scope="module")
def demo() -> DemoScene:
    return DemoScene(*SIZE, 30)


def composite(index: int, state: str, age_ms: float = 100.0, reason: str = "") -> FrameComposed:
    return FrameComposed(FrameInfo(1, index, 1, index, "s", 0, SIZE[1], SIZE[0]), 1, state, reason, age_ms, True, "m")


def subject_only(scene: DemoScene, index: int, share: float) -> Picture:
    """What is shown live: the subject sharp, the rest under a sigma of the height divided by `share`."""
    return shown(scene.frame(index), scene.masks(index).subject, scene.size_wh[1] / share)


def frames_of(size_wh: tuple[int, int], frames: list[int]) -> list[int]:
    """Fewer where they are large."""
    return frames if size_wh[1] <= 720 else frames[1:2] + frames[-2:-1]


@at_every_size
@pytest.mark.parametrize("share", [DEFAULT, FLOOR])
def test_a_strong_blur_hides(size_wh: tuple[int, int], share: int) -> None:
    scene = scene_of(size_wh)
    oracle = LeakOracle(scene, masks="exact")
    for index in frames_of(size_wh, FRAMES):
        hidden = blurred(scene.frame(index), size_wh[1] / share)
        assert oracle.leak(hidden, composite(index, "hidden")) < 0.8 * BOUND
        assert oracle.leak(subject_only(scene, index, share), composite(index, "live", 0.0)) < 0.85 * BOUND


@at_every_size
@pytest.mark.parametrize("share", [DEFAULT, FLOOR])
def test_what_compose_makes_hides(size_wh: tuple[int, int], share: int) -> None:
    scene = scene_of(size_wh)
    oracle, sigma = LeakOracle(scene, masks="exact"), size_wh[1] / share
    for index in frames_of(size_wh, FRAMES):
        picture, masks = scene.frame(index), scene.masks(index)
        assert oracle.leak(composed(picture, sigma), composite(index, "hidden")) < 0.85 * BOUND
        assert oracle.leak(composed(picture, sigma, masks.subject), composite(index, "live", 0.0)) < 0.85 * BOUND


@at_every_size
def test_a_weak_blur_is_found_in_the_whole_picture_in_the_bystander_and_in_the_wall(size_wh: tuple[int, int]) -> None:
    scene = scene_of(size_wh)
    oracle = LeakOracle(scene, masks="exact")
    for index in frames_of(size_wh, BESIDE):
        picture, masks = scene.frame(index), scene.masks(index)
        strong, weak = subject_only(scene, index, DEFAULT), blurred(picture, size_wh[1] / WEAK)
        live = composite(index, "live", 0.0)
        assert oracle.leak(weak, composite(index, "hidden")) > BOUND
        assert oracle.leak(subject_only(scene, index, WEAK), live) > BOUND
        assert oracle.leak(over(weak, strong, edge_of(masks.bystander)), live) > BOUND
        assert oracle.leak(over(strong, weak, edge_of(masks.subject | masks.bystander)), live) > BOUND


def test_the_former_strength_is_found_at_1080p() -> None:
    scene = scene_of((1920, 1080))
    oracle = LeakOracle(scene, masks="exact")
    picture, masks = scene.frame(60), scene.masks(60)
    strong, weak = subject_only(scene, 60, DEFAULT), blurred(picture, KERNEL_41)
    assert oracle.leak(weak, composite(60, "hidden")) > 3 * BOUND
    assert oracle.leak(over(weak, strong, edge_of(masks.bystander)), composite(60, "live", 0.0)) > 3 * BOUND


@at_every_size
def test_somebody_else_sharp_is_found_whoever_makes_the_masks(size_wh: tuple[int, int]) -> None:
    scene = scene_of(size_wh)
    for masks in ("exact", "network"):
        oracle = LeakOracle(scene, masks=masks)
        for index in frames_of(size_wh, BESIDE):
            wrong = shown(scene.frame(index), scene.masks(index).bystander, size_wh[1] / DEFAULT)
            assert oracle.leak(wrong, composite(index, "live")) > 2 * BOUND


@pytest.mark.parametrize("plain", [False, True], ids=["patterned", "demo"])
def test_what_is_judged_needs_no_pattern_to_be_found(plain: bool, scene: DemoScene, demo: DemoScene) -> None:
    """The soak and the users' demo are without: still the same bounds."""
    playing = demo if plain else scene
    oracle = LeakOracle(playing, masks="exact")
    for index in BESIDE:
        live = composite(index, "live", 0.0)
        assert oracle.leak(subject_only(playing, index, FLOOR), live) < 0.85 * BOUND
        assert oracle.leak(subject_only(playing, index, WEAK), live) > BOUND
        wrong = shown(playing.frame(index), playing.masks(index).bystander, SIZE[1] / DEFAULT)
        assert oracle.leak(wrong, live) > 2 * BOUND


def test_the_pattern_says_of_most_windows_what_the_plain_wall_cannot(scene: DemoScene, demo: DemoScene) -> None:
    """A patch of plain wall, blurred too weakly, is found because of the pattern only."""
    patch = np.zeros(SIZE[::-1], bool)
    patch[215:345, 480:620] = True
    leaks = []
    for playing in (scene, demo):
        picture = playing.frame(330)
        strong, weak = blurred(picture, SIZE[1] / DEFAULT), blurred(picture, SIZE[1] / WEAK)
        leaks.append(LeakOracle(playing).leak(over(weak, strong, edge_of(patch)), composite(330, "hidden")))
    assert leaks[0] > BOUND > leaks[1]


@pytest.mark.parametrize("quality", [80, 95])
def test_compression_changes_nothing_of_it(scene: DemoScene, quality: int) -> None:
    oracle = LeakOracle(scene, masks="exact")
    for index in BESIDE:
        for share, passes in ((FLOOR, True), (WEAK, False)):
            jpeg = cv2.imencode(".jpg", subject_only(scene, index, share), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            picture = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
            assert (oracle.leak(picture, composite(index, "live", 0.0)) < BOUND) is passes


def test_a_raw_frame_is_far_above_it(scene: DemoScene) -> None:
    oracle = LeakOracle(scene)
    for state in ("hidden", "starting", "live"):
        assert oracle.leak(scene.frame(7), composite(7, state)) > 10 * BOUND


@pytest.mark.parametrize("index", FRAMES)
def test_the_subject_passes_live_and_fails_where_the_frame_says_it_is_hidden(scene: DemoScene, index: int) -> None:
    oracle = LeakOracle(scene, masks="exact")
    picture = subject_only(scene, index, DEFAULT)
    assert oracle.leak(picture, composite(index, "live", 0.0)) < BOUND
    assert oracle.leak(picture, composite(index, "hidden")) > BOUND


@pytest.mark.parametrize("index", BESIDE)
def test_everybody_may_be_seen_only_where_the_frame_says_so(scene: DemoScene, index: int) -> None:
    oracle = LeakOracle(scene, masks="exact")
    masks = scene.masks(index)
    both = shown(scene.frame(index), masks.subject | masks.bystander, SIZE[1] / DEFAULT)
    assert oracle.leak(both, composite(index, "everybody", 0.0)) < BOUND
    assert oracle.leak(both, composite(index, "live", 0.0)) > 2 * BOUND
    assert oracle.leak(scene.frame(index), composite(index, "everybody", 0.0)) > 10 * BOUND, "the wall may not"


def box(x: int, y: int, side: int) -> Mask:
    mask = np.zeros(SIZE[::-1], bool)
    mask[y : y + side, x : x + side] = True
    return mask


@pytest.mark.parametrize("strength", [1.0, 0.3, 0.1])
def test_a_window_of_wall_is_found_even_if_it_is_small_or_faint(scene: DemoScene, strength: float) -> None:
    leaking = shown(scene.frame(5), box(300, 20, 24), SIZE[1] / DEFAULT, strength)
    assert LeakOracle(scene).leak(leaking, composite(5, "live")) > BOUND


@pytest.mark.parametrize("strength", [1.0, 0.3, 0.1])
def test_a_faint_bystander_is_found(scene: DemoScene, strength: float) -> None:
    leaking = shown(scene.frame(200), scene.masks(200).bystander, SIZE[1] / DEFAULT, strength)
    assert LeakOracle(scene).leak(leaking, composite(200, "live")) > BOUND


@pytest.mark.parametrize("masks", ["exact", "network"])
def test_half_a_face_that_comes_out_from_behind_is_found(scene: DemoScene, masks: str) -> None:
    """At frame 165 the bystander's face is at the subject's shoulder, within the margin that the wall there has."""
    oracle = LeakOracle(scene, masks=masks)
    people = scene.masks(165)
    leaking = shown(scene.frame(165), people.subject | people.bystander, SIZE[1] / DEFAULT)
    assert oracle.leak(leaking, composite(165, "live")) > 2 * BOUND


def test_the_mask_of_another_moment_passes_only_within_the_margin_of_its_age(scene: DemoScene) -> None:
    oracle = LeakOracle(scene, masks="exact")
    old = shown(scene.frame(385), scene.masks(365).subject, SIZE[1] / DEFAULT)  # 667 ms old
    assert oracle.leak(old, composite(385, "live", 667.0)) < BOUND
    assert oracle.leak(old, composite(385, "live", 33.0)) > BOUND


def test_an_age_over_the_limit_is_a_leak_whatever_the_pixels_show(scene: DemoScene) -> None:
    oracle = LeakOracle(scene, max_age_ms=750)
    hidden = blurred(scene.frame(3), SIZE[1] / DEFAULT)
    assert oracle.leak(hidden, composite(3, "live", 750.0)) < BOUND
    assert oracle.leak(hidden, composite(3, "live", 751.0)) == ALWAYS_LEAKS


def test_a_card_is_exactly_the_card(scene: DemoScene) -> None:
    oracle = LeakOracle(scene)
    card = np.empty((*SIZE[::-1], 3), np.uint8)
    draw_card("gone", card)
    assert oracle.leak(card, composite(3, "lost", -1.0, "gone")) == 0
    card[5, 5, 0] += 1
    assert oracle.leak(card, composite(3, "lost", -1.0, "gone")) == ALWAYS_LEAKS


def people_hidden(scene: DemoScene, index: int, share: float) -> Picture:
    """What is shown with `--hide people`: all sharp but the bystander, under a sigma of the height divided by `share`."""
    masks = scene.masks(index)
    blurry = blurred(scene.frame(index), scene.size_wh[1] / share, edge_of(masks.subject))
    hidden = cv2.dilate(masks.bystander.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    return over(blurry, scene.frame(index), edge_of(hidden & ~masks.subject))


@pytest.mark.parametrize("plain", [False, True], ids=["patterned", "demo"])
def test_where_only_people_are_hidden_the_wall_may_be_sharp_and_the_bystander_not(
    plain: bool, scene: DemoScene, demo: DemoScene
) -> None:
    playing = demo if plain else scene
    oracle = LeakOracle(playing, masks="exact")
    for index in BESIDE:
        room = composite(index, "live", 0.0)
        people = replace(room, style=Style(hide="people"))
        right = people_hidden(playing, index, FLOOR)
        assert oracle.leak(right, people) < BOUND
        assert oracle.leak(right, room) > 10 * BOUND, "the wall is sharp"
        assert oracle.leak(people_hidden(playing, index, WEAK), people) > BOUND
        assert oracle.leak(playing.frame(index), people) > 5 * BOUND, "the bystander is"
        assert oracle.leak(right, replace(people, state="hidden")) > 10 * BOUND, "nothing may be shown then"


def test_a_part_of_somebody_is_found_where_only_people_are_hidden(scene: DemoScene) -> None:
    """Their head sharp, as where a mask or the comparison with the room missed it."""
    oracle, index = LeakOracle(scene, masks="exact"), 200
    people = replace(composite(index, "live", 0.0), style=Style(hide="people"))
    rows, _ = np.nonzero(scene.masks(index).bystander)
    head = scene.masks(index).bystander.copy()
    head[rows.min() + 50 :] = False
    wrong = over(scene.frame(index), people_hidden(scene, index, DEFAULT), edge_of(head))
    assert oracle.leak(wrong, people) > BOUND > oracle.leak(people_hidden(scene, index, DEFAULT), people)
