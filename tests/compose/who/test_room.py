"""What may be shown of a room: only what looks found empty, and what has not changed since."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from compose.who.calm import CALM_NS
from compose.who.region_state import dilated
from compose.who.room import (
    EMPTY_NS,
    GAPS,
    MARGIN,
    NEAR_SUBJECT,
    STILL_NS,
    STRIPS,
    Found,
    KnownRoom,
    closed,
    strip_of,
    with_margin,
)

WH = (256, 144)
SECOND = 1_000_000_000
RNG = np.random.default_rng(3)
WALL = cv2.GaussianBlur(RNG.integers(60, 200, (WH[1], WH[0], 3), dtype=np.uint8), (0, 0), 4)
NOTHING = np.zeros(WH[::-1], np.uint8)
SUBJECT = NOTHING.copy()
SUBJECT[60:, 100:150] = 255
INTRUDER = (210, 30, 60)  # grey levels: like nothing on the wall


def box(x: int, y: int, w: int, h: int) -> np.ndarray:
    area = NOTHING.copy()
    area[max(y, 0) : y + h, max(x, 0) : x + w] = 255
    return area


def seen(*areas: np.ndarray, noise: float = 0.0, light: float = 1.0, subject: np.ndarray = SUBJECT) -> np.ndarray:
    """The room with the subject, and with somebody in each of the areas."""
    picture = WALL.copy()
    picture[subject > 0] = (40, 90, 200)
    for area in areas:
        picture[area > 0] = INTRUDER
    return np.asarray(np.clip(picture * light + RNG.normal(0, noise, picture.shape), 0, 255), np.uint8)


class Scene:
    """A room that is looked at once a second, a frame at a time; every look comes `late` frames later."""

    def __init__(self, fps: int = 10, late: int = 2) -> None:
        self.room, self.fps, self.late, self.number = KnownRoom(), fps, late, 0
        self.looks: dict[int, Found] = {}
        self.subject, self.marked = SUBJECT, NOTHING  # what the matte finds

    def frame(
        self, picture: np.ndarray, found: np.ndarray = NOTHING, *, is_proof: bool = True, looks: bool = True
    ) -> np.ndarray:
        """The empty room in the next frame; where that is looked at, `found` is where others are found in it."""
        self.room.push(self.number, picture, self.subject)
        self.matte((self.number + self.fps) * SECOND // self.fps)
        if looks and self.number % self.fps == 0:
            around = with_margin(found) if found.any() else found
            self.looks[self.number] = Found(dilated(self.subject, NEAR_SUBJECT), found, around)
        if (look := self.looks.pop(self.number - self.late, None)) is not None:
            of = self.number - self.late
            self.room.learn(of, (of + self.fps) * SECOND // self.fps, look, is_proof=is_proof)
        self.number += 1
        return self.room.empty(self.subject, NOTHING)

    def matte(self, at_ns: int) -> None:
        """The matte finds the subject, and what is marked, in every strip."""
        for number in range(STRIPS):
            left, right = strip_of(number, WH[0])
            likely = np.maximum(self.subject, self.marked)[:, left:right] / 255
            self.room.check(number, likely.astype(np.float32), self.subject, at_ns)

    def play(self, picture: np.ndarray, found: np.ndarray = NOTHING, seconds: float = 1.0, **how: bool) -> np.ndarray:
        shown = NOTHING
        for _ in range(round(seconds * self.fps)):
            shown = self.frame(picture, found, **how)
        return shown


@pytest.fixture
def known() -> Scene:
    """A scene whose room is known."""
    scene = Scene()
    scene.play(seen(), seconds=3.1)
    return scene


def test_the_room_is_shown_after_two_looks_that_found_nobody_there() -> None:
    scene = Scene()
    assert not scene.play(seen(), seconds=1).any(), "one look may miss somebody"
    shown = scene.play(seen(), seconds=1)
    assert (shown > 0)[dilated(SUBJECT, NEAR_SUBJECT) == 0].all()
    assert not shown[SUBJECT > 0].any()


@pytest.mark.parametrize("at", [(0, 30), (WH[0] - 6, 30), (20, 0), (200, WH[1] - 8)])
def test_whoever_comes_in_is_hidden_in_the_first_frame(known: Scene, at: tuple[int, int]) -> None:
    intruder = box(*at, 6, 20)
    assert known.frame(seen())[intruder > 0].any(), "the negative control: it was shown"
    shown = known.frame(seen(intruder))
    assert not shown[cv2.dilate(intruder, np.ones((2 * MARGIN + 1,) * 2)) > 0].any()
    assert (shown > 0)[SUBJECT == 0].mean() > 0.85, "and the rest of the room is not"


@pytest.mark.parametrize(("noise", "light"), [(3.0, 1.0), (5.0, 1.0), (2.0, 1.15), (2.0, 0.85)])
def test_noise_and_a_change_of_light_hide_nothing_and_somebody_in_them_is_hidden(noise: float, light: float) -> None:
    scene = Scene()
    for _ in range(25):
        scene.frame(seen(noise=noise))
    shown = scene.frame(seen(noise=noise, light=light))
    assert (shown > 0)[dilated(SUBJECT, NEAR_SUBJECT) == 0].mean() > 0.99
    intruder = box(0, 40, 12, 40)
    assert not scene.frame(seen(intruder, noise=noise, light=light))[intruder > 0].any()


def test_somebody_in_clothes_like_the_wall_is_hidden_whole(known: Scene) -> None:
    """Only the head and the feet can be told from the wall."""
    head, feet = box(30, 40, 8, 8), box(30, 40 + 8 + 2 * GAPS - 2, 8, 8)
    assert not known.frame(seen(head, feet))[40:70, 30:38].any()


def test_whatever_changed_stays_hidden_until_looks_say_what_it_is(known: Scene) -> None:
    """Also where it looks again as it did: somebody may have ducked behind the subject."""
    intruder = box(30, 40, 10, 30)
    known.frame(seen(intruder))
    for _ in range(5):
        assert not known.frame(seen())[intruder > 0].any()
    shown = known.play(seen(), seconds=1.5)
    assert shown[intruder > 0].all()


def test_what_changed_in_a_frame_of_which_nobody_asked_the_room_stays_hidden_too(known: Scene) -> None:
    """Somebody turned privacy off for a moment."""
    intruder = box(30, 40, 10, 30)
    assert known.frame(seen())[intruder > 0].any(), "the negative control: it was shown"
    known.room.push(known.number, seen(intruder), SUBJECT)
    known.number += 1
    assert not known.frame(seen())[intruder > 0].any()


def test_what_stays_is_hidden_until_two_looks_find_nobody_there(known: Scene) -> None:
    chair = box(30, 40, 10, 30)
    assert not known.play(seen(chair), seconds=1.1)[chair > 0].any(), "one look"
    assert known.play(seen(chair), seconds=2)[chair > 0].all()


def test_somebody_who_was_found_and_stands_still_is_hidden_though_looks_miss_them(known: Scene) -> None:
    person = box(30, 40, 20, 60)
    known.play(seen(person), found=person, seconds=2)
    for _ in range(6):
        assert not known.play(seen(person), seconds=1)[person > 0].any()
    assert known.play(seen(), seconds=3.2)[person > 0].all(), "they have left"


def test_not_for_ever_since_it_may_have_been_nobody(known: Scene) -> None:
    person = box(30, 40, 20, 60)
    known.play(seen(person), found=person, seconds=1)
    assert known.play(seen(person), seconds=STILL_NS / SECOND + 3.5)[person > 0].all()


def test_somebody_who_goes_by_leaves_the_room_as_it_was(known: Scene) -> None:
    for x in range(0, 90, 6):
        person = box(x, 30, 20, 80)
        assert not known.frame(seen(person), found=person)[person > 0].any()
    assert (known.play(seen(), seconds=2.5) > 0)[dilated(SUBJECT, NEAR_SUBJECT) == 0].all()


def test_behind_the_subject_the_room_is_remembered(known: Scene) -> None:
    """What the subject uncovers is shown at once where it looks as it did."""
    aside = np.roll(SUBJECT, 20, axis=1)
    known.subject = aside
    covered = known.play(seen(subject=aside), seconds=2)
    known.subject = SUBJECT
    shown = known.frame(seen())
    uncovered = (aside > 0) & (cv2.dilate(SUBJECT, np.ones((9, 9))) == 0)
    assert not covered[uncovered].any()
    assert shown[uncovered].all()


def test_a_look_that_missed_the_subject_proves_nothing() -> None:
    scene = Scene()
    assert not scene.play(seen(), seconds=4, is_proof=False).any()


def test_a_look_at_a_frame_that_was_skipped_teaches_nothing(known: Scene) -> None:
    room = KnownRoom()
    room.push(1, seen(), SUBJECT)
    room.learn(0, SECOND, Found(SUBJECT, NOTHING, NOTHING), is_proof=True)
    assert not room.empty(SUBJECT, NOTHING).any()


def test_whom_the_matte_finds_is_hidden_with_a_margin(known: Scene) -> None:
    other = box(200, 60, 20, 40)
    shown = known.room.empty(SUBJECT, other)
    assert not shown[cv2.dilate(other, np.ones((2 * MARGIN + 1,) * 2)) > 0].any()


def test_two_looks_are_needed_at_any_pace() -> None:
    assert 0 < EMPTY_NS < SECOND


def test_gaps_are_closed_also_towards_the_sides() -> None:
    assert not closed(NOTHING).any()
    assert closed(box(10, 60, 5, 5))[60:65, :10].all()
    apart = cv2.max(box(60, 60, 5, 5), box(60 + 5 + 2 * GAPS + 4, 60, 5, 5))
    assert (closed(apart) == apart).all()


def test_whom_only_the_matte_finds_in_a_strip_is_hidden(known: Scene) -> None:
    """As somebody whom the side of the picture cuts in half."""
    half = box(WH[0] - 12, 30, 12, 100)
    assert known.room.empty(SUBJECT, NOTHING)[half > 0].all(), "the negative control"
    known.marked = half
    known.matte(10 * SECOND)
    shown = known.room.empty(SUBJECT, NOTHING)
    assert not shown[dilated(half, MARGIN) > 0].any()
    assert shown[60, 20] == 255


def test_a_thing_that_the_matte_takes_for_somebody_is_shown_once_it_has_not_moved_for_long(known: Scene) -> None:
    book = box(200, 40, 20, 40)
    known.marked = book
    known.play(seen(), seconds=1)
    for _ in range(5):
        assert not known.play(seen(), seconds=1)[book > 0].any()
    for _ in range(5):
        known.play(seen(), seconds=1)
    assert known.play(seen(), seconds=1)[book > 0].all()
    assert not known.frame(seen(box(205, 50, 6, 6)))[dilated(book, MARGIN) > 0].any(), "at once, when it moves"
    assert not known.play(seen(), seconds=CALM_NS / SECOND - 1)[book > 0].any(), "for as long again"


def test_somebody_whom_only_the_matte_finds_and_who_moves_is_hidden_for_ever() -> None:
    """As somebody at the side of the picture, who moves the head now and then."""
    scene, half = Scene(), box(WH[0] - 12, 30, 12, 100)
    scene.marked = half
    for second in range(40):
        nod = 1 if second % 4 == 0 else 0
        shown = scene.play(seen(half, box(WH[0] - 12, 24 + nod, 10, 8)), seconds=1)
        assert not shown[half > 0].any(), second
    assert (shown > 0)[:, :90].all()


def test_without_a_matte_nothing_of_the_room_is_shown() -> None:
    room = KnownRoom()
    for number in range(31):
        room.push(number, seen(), SUBJECT)
        if number % 10 == 0:
            room.learn(number, (number + 1) * SECOND // 10, Found(SUBJECT, NOTHING, NOTHING), is_proof=True)
    assert not room.empty(SUBJECT, NOTHING).any()


def test_the_strips_cover_the_picture_and_overlap() -> None:
    covered = np.zeros(WH[0], int)
    for left, right in (strip_of(number, WH[0]) for number in range(STRIPS)):
        covered[left:right] += 1
    assert covered.min() == 1 and (covered[40:-40] >= 2).all()
    assert strip_of(0, WH[0])[0] == 0 and strip_of(STRIPS - 1, WH[0])[1] == WH[0]
