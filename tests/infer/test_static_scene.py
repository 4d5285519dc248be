"""An inference is skipped only if nothing has moved since the last one, or only a lone person."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from common.ipc.messages import InferenceScheduled
from common.ipc.records import Instance
from infer.static_scene import (
    ALONE_NS,
    MAX_HOLD_ALONE_NS,
    MAX_HOLD_NS,
    REPUBLISH_NS,
    RESERVE_NS,
    Need,
    StaticSceneCache,
    Thumbnail,
    make_thumbnail,
    max_hold_ns,
    reduce_to_cells,
)

SOMEBODY = (Instance(0, 0.9, (0.2, 0.2, 0.6, 0.9), 1, 1, b"\xff"),)
MS = 1_000_000
LIMIT_MS = 750
FOLLOWED_MS = 2000  # while compose follows one person
PERIOD_NS = 33 * MS
SIZES_WH = [(640, 480), (1280, 720), (1920, 1080)]


def room(size_wh: tuple[int, int], noise: float = 5.0, seed: int = 1) -> np.ndarray:
    """Return a room as a sensor sees it: only the noise differs."""
    plain = np.random.default_rng(7).integers(40, 210, (9, 16, 3), np.uint8)
    seen = cv2.resize(plain, size_wh, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noisy: np.ndarray = np.clip(seen + np.random.default_rng(seed).normal(0, noise, seen.shape), 0, 255).astype(
        np.uint8
    )
    return noisy


def schedule(*, limit_ms: int = LIMIT_MS, since_ns: int = 0, looked_ns: int = 0) -> InferenceScheduled:
    return InferenceScheduled(0.0, False, False, False, since_ns, looked_ns, limit_ms)


def cache_with(picture: np.ndarray, epoch: int = 1) -> StaticSceneCache:
    cache = StaticSceneCache()
    cache.store(make_thumbnail(picture, epoch, 0, 0), SOMEBODY, 0)
    return cache


def holds(cache: StaticSceneCache, thumbnail: Thumbnail, limit_ms: int = LIMIT_MS) -> bool:
    """Return True if the last result is valid for this frame too."""
    return cache.need(thumbnail, schedule(limit_ms=limit_ms)) is Need.SAME


@pytest.mark.parametrize(("size_wh", "noise"), [((640, 480), 3.0), ((1280, 720), 5.0), ((1920, 1080), 5.0)])
def test_noise_is_not_motion(size_wh: tuple[int, int], noise: float) -> None:
    cache = cache_with(room(size_wh, noise))
    assert all(holds(cache, make_thumbnail(room(size_wh, noise, seed), 1, 1, 33 * MS)) for seed in range(2, 12))
    assert cache.instances == SOMEBODY


def test_an_older_frame_needs_an_inference() -> None:
    """A result cannot have been held for a negative time."""
    cache = StaticSceneCache()
    cache.store(make_thumbnail(room((640, 480)), 1, 5, 500 * MS), SOMEBODY, 0)
    assert not holds(cache, make_thumbnail(room((640, 480), seed=2), 1, 4, 499 * MS))
    assert holds(cache, make_thumbnail(room((640, 480), seed=3), 1, 6, 501 * MS))


def test_the_first_frame_needs_an_inference() -> None:
    assert not holds(StaticSceneCache(), make_thumbnail(room((640, 480)), 1, 0, 0))


@pytest.mark.parametrize("size_wh", SIZES_WH)
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.5, 0.5), (0.985, 0.97)])
def test_a_small_change_is_detected_anywhere(size_wh: tuple[int, int], at: tuple[float, float]) -> None:
    cache, picture = cache_with(room(size_wh)), room(size_wh, seed=2)
    x, y, side = round(at[0] * size_wh[0]), round(at[1] * size_wh[1]), max(8, round(size_wh[0] * 0.0125))
    part = picture[y : y + side, x : x + side]
    part[:] = np.where(part.mean() > 127, part - np.minimum(part, 25), part + 25)  # hardly darker or lighter
    assert not holds(cache, make_thumbnail(picture, 1, 1, 33 * MS))


def test_a_shift_by_one_pixel_is_detected() -> None:
    detailed = np.kron(np.random.default_rng(3).integers(0, 256, (36, 64, 3), np.uint8), np.ones((20, 20, 1), np.uint8))
    cache = cache_with(detailed)
    assert holds(cache, make_thumbnail(detailed, 1, 1, 33 * MS))
    assert not holds(cache, make_thumbnail(np.roll(detailed, 1, axis=1), 1, 1, 33 * MS))


def test_another_colour_of_the_same_brightness_is_detected() -> None:
    cache, picture = cache_with(room((640, 480), 0)), room((640, 480), 0)
    picture[200:240, 300:340, 2] = np.clip(picture[200:240, 300:340, 2].astype(int) + 30, 0, 255)
    picture[200:240, 300:340, 1] = np.clip(picture[200:240, 300:340, 1].astype(int) - 15, 0, 255)
    assert not holds(cache, make_thumbnail(picture, 1, 1, 33 * MS))


def test_slow_motion_adds_up() -> None:
    """Each frame differs from the one before by less than the threshold. It is compared with the last inferred one."""
    picture = room((640, 480), 0)
    cache, spared = cache_with(picture), 0
    for step in range(1, 12):
        lighter = np.clip(picture.astype(int) + step, 0, 255).astype(np.uint8)
        if not holds(cache, make_thumbnail(lighter, 1, 1, 33 * MS)):
            break
        spared += 1
    assert 1 <= spared <= 7


def test_another_stream_or_size_needs_an_inference() -> None:
    cache = cache_with(room((640, 480), 0))
    assert not holds(cache, make_thumbnail(room((640, 480), 0), 2, 1, 33 * MS))
    assert not holds(cache, make_thumbnail(room((1280, 720)), 1, 1, 33 * MS))


def test_an_inference_is_needed_after_a_while_though_nothing_moves() -> None:
    cache, picture = cache_with(room((640, 480), 0)), room((640, 480), 0)
    times = range(PERIOD_NS, 2 * MAX_HOLD_NS, PERIOD_NS)
    held = [ns for ns in times if holds(cache, make_thumbnail(picture, 1, ns // PERIOD_NS, ns))]
    assert held == [ns for ns in times if ns <= MAX_HOLD_NS]


@pytest.mark.parametrize(("camera_ms", "is_static"), [(500, True), (501, False), (1000, False), (2000, False)])
def test_every_frame_of_a_slow_camera_is_inferred(camera_ms: int, is_static: bool) -> None:
    """Compose waits for the mask of each, beside a lone person too, where a result would be held for a second."""
    cache, picture = alone_since(ALONE_NS, person(0.4)), room((640, 480), 0)
    now = make_thumbnail(picture, 1, 2, ALONE_NS + camera_ms * MS)
    cache.need(make_thumbnail(picture, 1, 1, ALONE_NS), schedule(limit_ms=FOLLOWED_MS))
    assert (cache.need(now, schedule(limit_ms=FOLLOWED_MS)) is Need.SAME) is is_static


@pytest.mark.parametrize(("camera_ms", "pace_ms"), [(33, 0), (33, 200), (33, 454), (200, 0), (250, 0), (333, 0)])
@pytest.mark.parametrize("took_ms", [20, 60, 240, 400])
@pytest.mark.parametrize("limit_ms", [300, 750, 1750])
def test_the_next_result_comes_before_the_mask_is_too_old(
    camera_ms: int, pace_ms: int, took_ms: int, limit_ms: int
) -> None:
    """A worker before a static room. An inference may take half as long again as the last one."""
    cache, thumbnail = StaticSceneCache(), make_thumbnail(room((640, 480), 0), 1, 0, 0)
    now_ms = inferred_ms = inferences = oldest_ms = held = 0
    while now_ms < 10_000:
        now = thumbnail._replace(frame_id=now_ms // camera_ms, captured_ns=now_ms * MS)
        busy_ms = 0
        if holds(cache, now, limit_ms):
            held += 1
            assert cache.held_ns(now.captured_ns) == (now_ms - inferred_ms) * MS
        else:
            busy_ms = took_ms * 3 // 2 if inferences % 2 else took_ms
            oldest_ms = max(oldest_ms, now_ms + busy_ms - inferred_ms)  # of the mask, just before its successor comes
            cache.store(now, SOMEBODY, took_ms * MS)
            inferred_ms, inferences = now_ms, inferences + 1
        free_ms = now_ms + max(1, busy_ms, pace_ms)
        now_ms = -(-free_ms // camera_ms) * camera_ms
    # nothing is held if not even an inference on every frame is in time
    assert oldest_ms + RESERVE_NS // MS <= limit_ms or not held


def test_the_longest_time_that_a_result_is_held() -> None:
    assert max_hold_ns(MAX_HOLD_NS, 750 * MS, 33 * MS, 60 * MS) == MAX_HOLD_NS
    assert max_hold_ns(MAX_HOLD_NS, 750 * MS, 33 * MS, 240 * MS) == 257 * MS
    assert max_hold_ns(MAX_HOLD_NS, 300 * MS, 33 * MS, 240 * MS) < 0


def test_a_held_result_is_republished_in_time_and_not_for_every_frame() -> None:
    cache = cache_with(room((640, 480)))
    said = [ns for ns in range(33 * MS, MAX_HOLD_NS, 33 * MS) if cache.should_republish(ns, schedule())]
    assert [REPUBLISH_NS <= later - earlier < REPUBLISH_NS + 33 * MS for earlier, later in pairwise([0, *said])] == [
        True
    ] * 3


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 5), (176, 144), (4096, 16), *SIZES_WH])
def test_a_picture_of_any_size_is_reduced_to_cells(size_wh: tuple[int, int]) -> None:
    assert reduce_to_cells(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).shape == (90, 160, 3)


def person(x: float, *, is_sign: bool = False) -> Instance:
    """Return a person in the lower half, from x over a fifth of the width."""
    return Instance(0, 0.9, (x, 0.5, x + 0.2, 1.0), 2, 2, b"\xff" * 4, is_sign=is_sign)


def moved_at(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """Return a picture in which something has moved at a place, 0..1 of width and height."""
    moved = picture.copy()
    column, row = round(x * picture.shape[1]), round(y * picture.shape[0])
    moved[row : row + 12, column : column + 12] ^= 64
    return moved


def alone_since(ns: int, *people: Instance) -> StaticSceneCache:
    """Return a cache after a second inference, `ns` after the first, that found `people`."""
    cache, picture = StaticSceneCache(), room((640, 480), 0)
    cache.store(make_thumbnail(picture, 1, 0, 0), (person(0.4),), 0)
    cache.store(make_thumbnail(picture, 1, 1, ns), people, 0)
    return cache


@pytest.mark.parametrize(
    ("people", "at", "need"),
    [
        ((person(0.4),), (0.5, 0.7), Need.OWN),
        ((person(0.4),), (0.39, 0.7), Need.OWN),
        ((person(0.4),), (0.3, 0.7), Need.MOTION),
        ((person(0.4),), (0.5, 0.2), Need.MOTION),
        ((person(0.4), person(0.7)), (0.5, 0.7), Need.OTHERS),
        ((person(0.4), person(0.7, is_sign=True)), (0.5, 0.7), Need.OTHERS),
        ((person(0.4, is_sign=True),), (0.5, 0.7), Need.OTHERS),
        ((), (0.5, 0.7), Need.OTHERS),
    ],
)
def test_a_lone_person_may_move_and_nothing_else(
    people: tuple[Instance, ...], at: tuple[float, float], need: Need
) -> None:
    cache = alone_since(ALONE_NS, *people)
    now = make_thumbnail(moved_at(room((640, 480), 0), *at), 1, 2, ALONE_NS + PERIOD_NS)
    assert cache.need(now, schedule(limit_ms=FOLLOWED_MS)) is need


def test_a_sign_of_a_person_in_one_result_only_is_forgotten() -> None:
    """Folded hands pass for a face now and then."""
    sign, own = person(0.7, is_sign=True), moved_at(room((640, 480), 0), 0.5, 0.7)
    for signs, need in (((sign,), Need.OWN), ((sign, sign), Need.OTHERS)):
        cache = alone_since(ALONE_NS, person(0.4))
        for k, people in enumerate(((person(0.4), s) for s in signs), 2):
            cache.store(make_thumbnail(room((640, 480), 0), 1, k, ALONE_NS + k), people, 0)
        cache.store(make_thumbnail(room((640, 480), 0), 1, 9, ALONE_NS + 9), (person(0.4),), 0)
        assert cache.need(make_thumbnail(own, 1, 10, ALONE_NS + PERIOD_NS), schedule(limit_ms=FOLLOWED_MS)) is need


def test_a_person_who_was_alone_for_too_short_a_time_needs_an_inference() -> None:
    cache = alone_since(ALONE_NS - 1, person(0.4))
    moved = moved_at(room((640, 480), 0), 0.5, 0.7)
    assert cache.need(make_thumbnail(moved, 1, 2, ALONE_NS + PERIOD_NS), schedule(limit_ms=FOLLOWED_MS)) is Need.OTHERS


def test_a_lone_person_who_moves_needs_an_inference_after_a_while() -> None:
    cache, moved = alone_since(ALONE_NS, person(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    needs = [
        cache.need(make_thumbnail(moved, 1, 2 + k, ALONE_NS + k * PERIOD_NS), schedule(limit_ms=FOLLOWED_MS))
        for k in range(1, 40)
    ]
    assert needs.index(Need.AGE) == pytest.approx(MAX_HOLD_ALONE_NS / PERIOD_NS, abs=4)


def test_a_lone_person_who_moves_needs_an_inference_at_once_while_compose_is_in_doubt() -> None:
    """A result that came just before a mask of 750 ms was too old came too late beside a busy program."""
    cache, moved = alone_since(ALONE_NS, person(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    now = make_thumbnail(moved, 1, 2, ALONE_NS + PERIOD_NS)
    assert cache.need(now, schedule(limit_ms=750)) is Need.OTHERS


def test_an_inference_that_compose_asked_for_runs_at_once_and_once() -> None:
    cache, moved = alone_since(ALONE_NS, person(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    asked = schedule(limit_ms=FOLLOWED_MS, since_ns=ALONE_NS + 2 * PERIOD_NS)
    before, after, later = (make_thumbnail(moved, 1, 1 + k, ALONE_NS + k * PERIOD_NS) for k in (1, 3, 4))
    assert cache.need(before, asked) is Need.OWN, "captured before"
    assert cache.need(after, asked) is Need.ASKED
    cache.store(after, (person(0.4),), 0)
    assert cache.need(later, asked) is Need.SAME
    assert cache.need(after, replace(asked, looked_ns=after.captured_ns)) is not Need.ASKED, (
        "another worker has a newer result"
    )


def test_a_result_of_another_worker_counts_for_the_age_of_the_mask() -> None:
    cache, moved = alone_since(ALONE_NS, person(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    late_ns = ALONE_NS + 2 * MAX_HOLD_ALONE_NS
    now = make_thumbnail(moved, 1, 60, late_ns)
    assert cache.need(now, schedule(limit_ms=FOLLOWED_MS)) is Need.AGE
    assert cache.need(now, schedule(limit_ms=FOLLOWED_MS, looked_ns=late_ns - MAX_HOLD_NS // 2)) is Need.OWN


def test_an_older_result_than_that_of_another_worker_is_not_republished() -> None:
    cache = cache_with(room((640, 480)))
    assert not cache.should_republish(REPUBLISH_NS, schedule(looked_ns=REPUBLISH_NS // 2))
    assert cache.should_republish(REPUBLISH_NS, schedule())
