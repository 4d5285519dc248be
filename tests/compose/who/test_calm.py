"""Where nothing moves for long and looks find nobody, what the matte finds does not count."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from compose.who.calm import BESIDE, CALM_NS, Calm

WH = (256, 144)
SECOND = 1_000_000_000
RNG = np.random.default_rng(5)
ROOM = cv2.GaussianBlur(RNG.integers(60, 200, (WH[1], WH[0], 3), dtype=np.uint8), (0, 0), 4)
NOWHERE = np.zeros(WH[::-1], np.bool_)
STILL = np.zeros(WH[::-1], np.uint8)
BOOK = STILL.copy()
BOOK[60:80, 30:45] = 255
EDGE = STILL.copy()
EDGE[60:80, 44 + BESIDE : 46 + BESIDE] = 255  # near it
SINCE = SECOND
LONG = SINCE + CALM_NS


def looked(
    calm: Calm, now_ns: int, picture: np.ndarray = ROOM, *, found: np.ndarray = NOWHERE, covered: np.ndarray = NOWHERE
) -> Calm:
    """One more look, that finds somebody in `found`."""
    return calm.after(picture, now_ns, vacant=~(found | covered), covered=covered, disturbed=found)


@pytest.fixture
def calm() -> Calm:
    """After looks for long enough."""
    calm = Calm(ROOM, np.zeros(WH[::-1], np.int64))
    for now_ns in range(SINCE, LONG + 1, SECOND):
        calm = looked(calm, now_ns)
    return calm


def test_what_the_matte_finds_counts_until_nothing_has_moved_for_long(calm: Calm) -> None:
    assert (calm.doubted(BOOK, STILL, LONG - 1) == BOOK).all()
    assert not calm.doubted(BOOK, STILL, LONG).any()


def test_it_counts_as_a_whole_where_anything_moves_in_it_or_beside_it(calm: Calm) -> None:
    """Of somebody who moves the head, the body may be calm."""
    other = np.roll(BOOK, 100, axis=1)
    assert (calm.doubted(cv2.max(BOOK, other), EDGE, LONG) == BOOK).all()
    assert not calm.doubted(BOOK, np.roll(EDGE, 1, axis=1), LONG).any(), "not near enough"


def test_it_counts_where_a_look_has_found_somebody(calm: Calm) -> None:
    later = looked(calm, LONG + SECOND, found=EDGE > 0)
    assert (later.doubted(BOOK, STILL, LONG + SECOND) == BOOK).all()
    for seconds in range(2, 12):
        later = looked(later, LONG + seconds * SECOND)
    assert (later.doubted(BOOK, STILL, LONG + 11 * SECOND) == BOOK).all(), "ten seconds begin anew"
    assert not looked(later, LONG + 12 * SECOND).doubted(BOOK, STILL, LONG + 12 * SECOND).any()


def test_a_look_that_proves_nothing_does_not_begin_the_time() -> None:
    calm = Calm(ROOM, np.zeros(WH[::-1], np.int64))
    for now_ns in range(SINCE, LONG + 1, SECOND):
        calm = calm.after(ROOM, now_ns, vacant=NOWHERE, covered=NOWHERE, disturbed=NOWHERE)
    assert (calm.doubted(BOOK, STILL, LONG) == BOOK).all()


def test_slow_motion_counts_though_no_two_looks_differ() -> None:
    calm = Calm(ROOM, np.zeros(WH[::-1], np.int64))
    person = BOOK > 0
    for number in range(11):
        picture = ROOM.copy()
        picture[person] = np.clip(ROOM[person].astype(int) + 3 * number, 0, 255)
        calm = looked(calm, SINCE + number * SECOND, picture)
    assert calm.doubted(BOOK, STILL, LONG).any()


@pytest.mark.parametrize("light", [0.8, 1.0, 1.2])
def test_light_and_noise_disturb_nothing(light: float) -> None:
    calm = Calm(ROOM, np.zeros(WH[::-1], np.int64))
    for number in range(11):
        gain = 1 + (light - 1) * number / 10
        noisy = np.clip(ROOM * gain + RNG.normal(0, 2 / 3, ROOM.shape), 0, 255).astype(np.uint8)
        calm = looked(calm, SINCE + number * SECOND, noisy)  # noise of 2 grey levels, smoothed
    assert not calm.doubted(BOOK, STILL, LONG).any()


def test_behind_the_subject_it_is_remembered(calm: Calm) -> None:
    covered = BOOK > 0
    before = ROOM.copy()
    before[covered] = (40, 90, 200)
    aside = looked(looked(calm, LONG + SECOND, before, covered=covered), LONG + 2 * SECOND)
    assert not aside.doubted(BOOK, STILL, LONG + 2 * SECOND).any()
