"""A frame is spared a close look only where nothing has moved since the last one but one person who is alone."""

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
    CALM_AGAIN_NS,
    LOOK_AGAIN_NS,
    RESERVE_NS,
    SAY_AGAIN_NS,
    Glance,
    Need,
    Still,
    cells_of,
    glance_at,
    longest_ns,
)

SOMEBODY = (Instance(0, 0.9, (0.2, 0.2, 0.6, 0.9), 1, 1, b"\xff"),)
MS = 1_000_000
LIMIT_MS = 750
PERIOD_NS = 33 * MS
SIZES_WH = [(640, 480), (1280, 720), (1920, 1080)]


def room(size_wh: tuple[int, int], noise: float = 5.0, seed: int = 1) -> np.ndarray:
    """A room as a sensor sees it: the same every time but for its noise."""
    plain = np.random.default_rng(7).integers(40, 210, (9, 16, 3), np.uint8)
    seen = cv2.resize(plain, size_wh, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noisy: np.ndarray = np.clip(seen + np.random.default_rng(seed).normal(0, noise, seen.shape), 0, 255).astype(
        np.uint8
    )
    return noisy


def wanted(*, limit_ms: int = LIMIT_MS, since_ns: int = 0, looked_ns: int = 0) -> InferenceScheduled:
    return InferenceScheduled(0.0, False, False, False, since_ns, looked_ns, limit_ms)


def looked_at(picture: np.ndarray, epoch: int = 1) -> Still:
    still = Still()
    still.keep(glance_at(picture, epoch, 0, 0), SOMEBODY, 0)
    return still


def holds(still: Still, glance: Glance, limit_ms: int = LIMIT_MS) -> bool:
    """Whether the last result is that of this frame, too."""
    return still.need(glance, wanted(limit_ms=limit_ms)) is Need.SAME


@pytest.mark.parametrize(("size_wh", "noise"), [((640, 480), 3.0), ((1280, 720), 5.0), ((1920, 1080), 5.0)])
def test_noise_is_no_motion(size_wh: tuple[int, int], noise: float) -> None:
    still = looked_at(room(size_wh, noise))
    assert all(holds(still, glance_at(room(size_wh, noise, seed), 1, 1, 33 * MS)) for seed in range(2, 12))
    assert still.instances == SOMEBODY


def test_an_older_frame_is_looked_at() -> None:
    """A result cannot have been held for less than nothing."""
    still = Still()
    still.keep(glance_at(room((640, 480)), 1, 5, 500 * MS), SOMEBODY, 0)
    assert not holds(still, glance_at(room((640, 480), seed=2), 1, 4, 499 * MS))
    assert holds(still, glance_at(room((640, 480), seed=3), 1, 6, 501 * MS))


def test_nothing_was_looked_at_yet() -> None:
    assert not holds(Still(), glance_at(room((640, 480)), 1, 0, 0))


@pytest.mark.parametrize("size_wh", SIZES_WH)
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.5, 0.5), (0.985, 0.97)])
def test_whatever_comes_is_seen_wherever_it_is_and_small_as_it_is(
    size_wh: tuple[int, int], at: tuple[float, float]
) -> None:
    still, picture = looked_at(room(size_wh)), room(size_wh, seed=2)
    x, y, side = round(at[0] * size_wh[0]), round(at[1] * size_wh[1]), max(8, round(size_wh[0] * 0.0125))
    part = picture[y : y + side, x : x + side]
    part[:] = np.where(part.mean() > 127, part - np.minimum(part, 25), part + 25)  # hardly darker or lighter
    assert not holds(still, glance_at(picture, 1, 1, 33 * MS))


def test_a_picture_that_moves_by_one_pixel_is_seen() -> None:
    detailed = np.kron(np.random.default_rng(3).integers(0, 256, (36, 64, 3), np.uint8), np.ones((20, 20, 1), np.uint8))
    still = looked_at(detailed)
    assert holds(still, glance_at(detailed, 1, 1, 33 * MS))
    assert not holds(still, glance_at(np.roll(detailed, 1, axis=1), 1, 1, 33 * MS))


def test_another_colour_of_the_same_brightness_is_seen() -> None:
    still, picture = looked_at(room((640, 480), 0)), room((640, 480), 0)
    picture[200:240, 300:340, 2] = np.clip(picture[200:240, 300:340, 2].astype(int) + 30, 0, 255)
    picture[200:240, 300:340, 1] = np.clip(picture[200:240, 300:340, 1].astype(int) - 15, 0, 255)
    assert not holds(still, glance_at(picture, 1, 1, 33 * MS))


def test_slow_motion_adds_up() -> None:
    """Each frame differs from the one before by less than any bound; the last looked at is what counts."""
    picture = room((640, 480), 0)
    still, spared = looked_at(picture), 0
    for step in range(1, 12):
        lighter = np.clip(picture.astype(int) + step, 0, 255).astype(np.uint8)
        if not holds(still, glance_at(lighter, 1, 1, 33 * MS)):
            break
        spared += 1
    assert 1 <= spared <= 7


def test_another_stream_or_size_is_looked_at() -> None:
    still = looked_at(room((640, 480), 0))
    assert not holds(still, glance_at(room((640, 480), 0), 2, 1, 33 * MS))
    assert not holds(still, glance_at(room((1280, 720)), 1, 1, 33 * MS))


def test_it_is_looked_at_again_after_a_while_though_nothing_moves() -> None:
    still, picture = looked_at(room((640, 480), 0)), room((640, 480), 0)
    times = range(PERIOD_NS, 2 * LOOK_AGAIN_NS, PERIOD_NS)
    held = [ns for ns in times if holds(still, glance_at(picture, 1, ns // PERIOD_NS, ns))]
    assert held == [ns for ns in times if ns <= LOOK_AGAIN_NS]


@pytest.mark.parametrize(("camera_ms", "pace_ms"), [(33, 0), (33, 200), (33, 454), (200, 0), (250, 0), (333, 0)])
@pytest.mark.parametrize("took_ms", [20, 60, 240, 400])
@pytest.mark.parametrize("limit_ms", [300, 750, 1750])
def test_the_next_result_comes_before_the_mask_is_too_old(
    camera_ms: int, pace_ms: int, took_ms: int, limit_ms: int
) -> None:
    """A worker in front of a room in which nothing moves; a look may take half as long again as the last one did."""
    still, glance = Still(), glance_at(room((640, 480), 0), 1, 0, 0)
    now_ms = looked_ms = looks = oldest_ms = held = 0
    while now_ms < 10_000:
        now = glance._replace(frame_id=now_ms // camera_ms, captured_ns=now_ms * MS)
        busy_ms = 0
        if holds(still, now, limit_ms):
            held += 1
            assert still.held_ns(now.captured_ns) == (now_ms - looked_ms) * MS
        else:
            busy_ms = took_ms * 3 // 2 if looks % 2 else took_ms
            oldest_ms = max(oldest_ms, now_ms + busy_ms - looked_ms)  # of the mask, just before its successor comes
            still.keep(now, SOMEBODY, took_ms * MS)
            looked_ms, looks = now_ms, looks + 1
        free_ms = now_ms + max(1, busy_ms, pace_ms)
        now_ms = -(-free_ms // camera_ms) * camera_ms
    # where not even a look at every frame is in time, nothing is held
    assert oldest_ms + RESERVE_NS // MS <= limit_ms or not held


def test_how_long_a_result_holds_at_most() -> None:
    assert longest_ns(LOOK_AGAIN_NS, 750 * MS, 33 * MS, 60 * MS) == LOOK_AGAIN_NS
    assert longest_ns(LOOK_AGAIN_NS, 750 * MS, 33 * MS, 240 * MS) == 257 * MS
    assert longest_ns(LOOK_AGAIN_NS, 300 * MS, 33 * MS, 240 * MS) < 0


def test_that_a_result_holds_is_said_in_time_and_not_of_every_frame() -> None:
    still = looked_at(room((640, 480)))
    said = [ns for ns in range(33 * MS, LOOK_AGAIN_NS, 33 * MS) if still.is_to_be_said(ns, wanted())]
    assert [SAY_AGAIN_NS <= later - earlier < SAY_AGAIN_NS + 33 * MS for earlier, later in pairwise([0, *said])] == [
        True
    ] * 3


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 5), (176, 144), (4096, 16), *SIZES_WH])
def test_any_size_has_cells(size_wh: tuple[int, int]) -> None:
    assert cells_of(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).shape == (90, 160, 3)


def who(x: float, *, is_sign: bool = False) -> Instance:
    """Somebody, from x to a fifth of the width farther, of the lower half."""
    return Instance(0, 0.9, (x, 0.5, x + 0.2, 1.0), 2, 2, b"\xff" * 4, is_sign=is_sign)


def moved_at(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """A picture in which something has moved at a place, 0..1 of width and height."""
    moved = picture.copy()
    column, row = round(x * picture.shape[1]), round(y * picture.shape[0])
    moved[row : row + 12, column : column + 12] ^= 64
    return moved


def alone_since(ns: int, *people: Instance) -> Still:
    """Of frame 1, after so long."""
    still, picture = Still(), room((640, 480), 0)
    still.keep(glance_at(picture, 1, 0, 0), (who(0.4),), 0)
    still.keep(glance_at(picture, 1, 1, ns), people, 0)
    return still


@pytest.mark.parametrize(
    ("people", "at", "need"),
    [
        ((who(0.4),), (0.5, 0.7), Need.OWN),
        ((who(0.4),), (0.39, 0.7), Need.OWN),
        ((who(0.4),), (0.3, 0.7), Need.MOTION),
        ((who(0.4),), (0.5, 0.2), Need.MOTION),
        ((who(0.4), who(0.7)), (0.5, 0.7), Need.OTHERS),
        ((who(0.4), who(0.7, is_sign=True)), (0.5, 0.7), Need.OTHERS),
        ((who(0.4, is_sign=True),), (0.5, 0.7), Need.OTHERS),
        ((), (0.5, 0.7), Need.OTHERS),
    ],
)
def test_one_person_alone_may_move_and_nothing_else(
    people: tuple[Instance, ...], at: tuple[float, float], need: Need
) -> None:
    still = alone_since(ALONE_NS, *people)
    now = glance_at(moved_at(room((640, 480), 0), *at), 1, 2, ALONE_NS + PERIOD_NS)
    assert still.need(now, wanted()) is need


def test_a_sign_of_somebody_in_one_look_alone_is_soon_forgotten() -> None:
    """Folded hands pass for a face now and then."""
    sign, own = who(0.7, is_sign=True), moved_at(room((640, 480), 0), 0.5, 0.7)
    for signs, need in (((sign,), Need.OWN), ((sign, sign), Need.OTHERS)):
        still = alone_since(ALONE_NS, who(0.4))
        for k, people in enumerate(((who(0.4), s) for s in signs), 2):
            still.keep(glance_at(room((640, 480), 0), 1, k, ALONE_NS + k), people, 0)
        still.keep(glance_at(room((640, 480), 0), 1, 9, ALONE_NS + 9), (who(0.4),), 0)
        assert still.need(glance_at(own, 1, 10, ALONE_NS + PERIOD_NS), wanted()) is need


def test_who_was_alone_for_a_moment_only_is_looked_for() -> None:
    still = alone_since(ALONE_NS - 1, who(0.4))
    moved = moved_at(room((640, 480), 0), 0.5, 0.7)
    assert still.need(glance_at(moved, 1, 2, ALONE_NS + PERIOD_NS), wanted()) is Need.OTHERS


@pytest.mark.parametrize(("limit_ms", "again_ns"), [(2000, CALM_AGAIN_NS), (750, LOOK_AGAIN_NS)])
def test_who_moves_alone_is_looked_for_after_a_while(limit_ms: int, again_ns: int) -> None:
    """Later where compose lets the mask be older."""
    still, moved = alone_since(ALONE_NS, who(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    needs = [
        still.need(glance_at(moved, 1, 2 + k, ALONE_NS + k * PERIOD_NS), wanted(limit_ms=limit_ms))
        for k in range(1, 40)
    ]
    assert needs.index(Need.AGE) == pytest.approx(again_ns / PERIOD_NS, abs=4)


def test_where_compose_cannot_tell_somebody_alone_is_looked_for_at_once_and_once() -> None:
    still, moved = alone_since(ALONE_NS, who(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    asked = wanted(since_ns=ALONE_NS + 2 * PERIOD_NS)
    before, after, later = (glance_at(moved, 1, 1 + k, ALONE_NS + k * PERIOD_NS) for k in (1, 3, 4))
    assert still.need(before, asked) is Need.OWN, "captured before"
    assert still.need(after, asked) is Need.ASKED
    still.keep(after, (who(0.4),), 0)
    assert still.need(later, asked) is Need.SAME
    assert still.need(after, replace(asked, looked_ns=after.captured_ns)) is not Need.ASKED, "another worker has looked"


def test_the_look_of_another_worker_counts_for_the_age_of_the_mask() -> None:
    still, moved = alone_since(ALONE_NS, who(0.4)), moved_at(room((640, 480), 0), 0.5, 0.7)
    late_ns = ALONE_NS + 2 * CALM_AGAIN_NS
    now = glance_at(moved, 1, 60, late_ns)
    assert still.need(now, wanted()) is Need.AGE
    assert still.need(now, wanted(looked_ns=late_ns - LOOK_AGAIN_NS // 2)) is Need.OWN


def test_an_older_result_is_not_said_again_where_another_worker_has_looked_since() -> None:
    still = looked_at(room((640, 480)))
    assert not still.is_to_be_said(SAY_AGAIN_NS, wanted(looked_ns=SAY_AGAIN_NS // 2))
    assert still.is_to_be_said(SAY_AGAIN_NS, wanted())
