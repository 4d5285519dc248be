"""Recordings of the demo scene: who is seen in every frame, and that looks after a frame count as those before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from capture.demo import DemoScene, Masks
from common.ipc.records import Instance
from compose.every.judge import (
    LEAST_WAITING,
    MOST_WAITING,
    WAITING,
    WAITING_BYTES,
    frames_to_judge,
)
from compose.every.selector import (
    AFTER_CUT,
    ELSEWHERE,
    LOST_HERE,
    NEVER_CHOSEN,
    NOBODY,
    NOBODY_THERE,
    TOO_EARLY,
    UNSURE,
)
from compose.settings import ComposeSettings
from compose.who.selection import NOBODY_WANTED
from tests.compose.every.scenes import LOOK_EVERY, SIZE_WH, Found, exact, judge
from tests.people import BEHIND_S, behind, scene_of

LOCK = ComposeSettings(pace="every")
LITTLE = 0.01


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE_WH, 30)


def found_in(scene: DemoScene) -> Found:
    return lambda index: exact(scene.masks(index))


def test_every_frame_comes_once_and_in_order(scene: DemoScene) -> None:
    count = WAITING + 7
    film = judge(scene, range(count), found_in(scene), LOCK)
    assert [one.frame.frame_id for one in film.judged] == list(range(count))
    assert [one.judgement.number for one in film.judged] == list(range(count))
    assert [one.judgement.look for one in film.judged[:5]] == [True, False, False, True, False]


@pytest.mark.parametrize("situation", ["crossing", "occlusion", "touching"])
def test_the_bystander_is_hidden_in_every_frame_and_the_subject_is_seen(situation: str) -> None:
    scene = scene_of(situation, 1)
    film = judge(scene, range(150), found_in(scene), LOCK)
    assert set(film.states) == {"live"}
    assert max(film.bystander) < LITTLE
    assert np.mean(film.subject) > 0.85


@pytest.mark.parametrize(("backwards", "mistrusted"), [(False, False), (True, False), (False, True)])
def test_who_is_half_hidden_where_a_recording_ends_or_begins_is_hidden_although_looks_count_a_part_as_the_subject(
    scene: DemoScene, backwards: bool, mistrusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the matte is mistrusted, and the looks say where the subject is."""
    if mistrusted:
        monkeypatch.setattr("compose.every.judge.mistrust", lambda coverages: 1.0)
    whole, half = 840, 876  # frames with the bystander beside the subject, and from there on half behind it

    def found(index: int) -> list[Instance]:
        masks = scene.masks(index)
        if index < half:
            return exact(masks)
        columns = np.nonzero(masks.bystander.any(0))[0]
        nearer = masks.bystander.copy()
        nearer[:, : columns[0] + len(columns) * 6 // 10] = False
        return exact(Masks(masks.subject | nearer, masks.bystander & ~nearer))

    order = range(885, whole - 1, -1) if backwards else range(whole, 886)
    film = judge(scene, order, found, LOCK)
    assert max(film.bystander) < 3 * LITTLE
    assert np.mean(film.subject) > 0.97


@pytest.mark.parametrize("fps", [30, 60])
def test_who_stayed_behind_the_subject_is_hidden_as_they_come_out_at_any_frame_rate(fps: int) -> None:
    """The recording ends while they are half out, and looks count them as a part of the subject."""
    scene = DemoScene(*SIZE_WH, fps, behind)
    comes_s, goes_s = BEHIND_S

    def found(index: int) -> list[Instance]:
        masks = scene.masks(index)
        if index < comes_s * fps:
            return exact(masks)
        return exact(Masks(masks.subject | masks.bystander, np.zeros_like(masks.bystander)))

    film = judge(scene, range(round((goes_s + 0.6) * fps)), found, LOCK)
    out = [seen for index, seen in enumerate(film.bystander) if scene.masks(index).bystander.mean() >= LITTLE]
    assert max(out[-round(fps * 0.2) :]) < 0.1


def test_who_enters_is_hidden_in_the_frames_before_the_first_look_that_finds_them() -> None:
    scene = scene_of("entering", 0)
    first = next(n for n in range(150) if scene.masks(n).bystander.any())

    def late(index: int) -> list[Instance]:
        return exact(scene.masks(index))[: 1 if index < first + 2 * LOOK_EVERY else 2]

    film = judge(scene, range(first - 20, first + 40), late, LOCK)
    assert max(film.bystander) < LITTLE
    assert film.judged[-1].judgement.others


def test_a_miss_between_two_looks_that_found_the_subject_is_bridged(scene: DemoScene) -> None:
    def missing(index: int) -> list[Instance]:
        return [] if 20 <= index <= 32 else exact(scene.masks(index))

    film = judge(scene, range(60), missing, LOCK)
    whole = judge(scene, range(60), found_in(scene), LOCK)
    assert set(film.states) == {"live"}
    assert min(film.subject[20:33]) > 0.9 * min(whole.subject[20:33])


def test_the_subject_that_is_missed_for_long_is_hidden_from_the_last_look_that_found_it(scene: DemoScene) -> None:
    def missing(index: int) -> list[Instance]:
        return [] if index >= 21 else exact(scene.masks(index))

    film = judge(scene, range(75), missing, LOCK)
    assert film.states[:19] == ["live"] * 19
    assert set(film.states[19:]) == {"hidden"}
    assert film.judged[40].decision.reason == NOBODY


def test_who_was_missed_for_more_than_a_second_is_not_shown_again_where_the_call_would_ask(scene: DemoScene) -> None:
    def missing(index: int) -> list[Instance]:
        return [] if 21 <= index < 63 else exact(scene.masks(index))

    film = judge(scene, range(75), missing, replace(LOCK, return_="ask"))
    assert set(film.states[19:]) == {"hidden"}


def test_the_subject_that_goes_while_somebody_stays_is_a_moment_to_look_at(scene: DemoScene) -> None:
    def gone(index: int) -> list[Instance]:
        found = exact(scene.masks(index))
        return found if index < 80 else found[1:]

    film = judge(scene, range(50, 150), gone, LOCK)
    assert set(film.states[28:]) == {"hidden"}
    assert film.judged[30].judgement.doubt == LOST_HERE
    assert {one.decision.reason for one in film.judged[30:]} <= {ELSEWHERE, UNSURE, NOBODY}
    assert max(film.bystander) < LITTLE


def test_after_a_cut_the_one_who_looks_the_same_is_shown_and_marked(scene: DemoScene) -> None:
    def picture(index: int) -> np.ndarray:
        shown = scene.frame(index)
        if index < 30:
            return shown
        everywhere = scene.masks(index)
        room = ~(everywhere.subject | everywhere.bystander)
        shown[room] = (40, 90, 180)  # another room
        return shown

    film = judge(scene, range(60), lambda index: exact(scene.masks(index))[:1], LOCK, picture)
    doubts = [(one.judgement.number, one.judgement.doubt) for one in film.judged if one.judgement.doubt]
    assert doubts == [(30, AFTER_CUT)]
    assert film.states == ["live"] * 60


def test_after_a_cut_somebody_else_is_hidden(scene: DemoScene) -> None:
    other = scene_of("entering", 3)

    def picture(index: int) -> np.ndarray:
        if index < 30:
            return scene.frame(index)
        shown = other.frame(120)
        shown[~other.masks(120).bystander] = (40, 90, 180)
        return shown

    def found(index: int) -> list[Instance]:
        return exact(scene.masks(index))[:1] if index < 30 else exact(other.masks(120))[1:]

    film = judge(scene, range(60), found, LOCK, picture)
    assert set(film.states[30:]) == {"hidden"}


def test_the_person_at_the_chosen_point_stays_sharp_from_that_moment_on(scene: DemoScene) -> None:
    rows, columns = np.nonzero(scene.masks(90).bystander)
    x, y = float(columns.mean() / SIZE_WH[0]), float(rows.mean() / SIZE_WH[1])
    film = judge(scene, range(60, 150), found_in(scene), ComposeSettings(pace="every", at=1.0, point=(x, y)))
    assert {one.decision.reason for one in film.judged[:30]} == {TOO_EARLY}
    assert set(film.states[30:60]) == {"live"}
    assert not any(one.judgement.doubt for one in film.judged[:60])
    assert min(film.bystander[31:60]) > 0.6
    assert max(film.subject[31:60]) < 0.1


def test_a_recording_that_ends_before_somebody_is_chosen_is_to_be_checked(scene: DemoScene) -> None:
    settings = ComposeSettings(pace="every", at=100.0, point=(0.5, 0.5))
    film = judge(scene, range(40), found_in(scene), settings)
    assert {one.decision.reason for one in film.judged} == {TOO_EARLY}
    assert [one.judgement.doubt for one in film.judged if one.judgement.doubt] == [NEVER_CHOSEN]


def test_where_nobody_is_at_the_chosen_point_everybody_is_hidden(scene: DemoScene) -> None:
    film = judge(scene, range(40), found_in(scene), ComposeSettings(pace="every", point=(0.01, 0.01)))
    assert {one.decision.reason for one in film.judged} == {NOBODY_THERE}


def test_nobody_stays_sharp_by_setting(scene: DemoScene) -> None:
    film = judge(scene, range(20), found_in(scene), ComposeSettings(pace="every", subject="none"))
    assert {(one.decision.reason, one.judgement.doubt) for one in film.judged} == {(NOBODY_WANTED, "")}


def test_everybody_stays_sharp_by_setting(scene: DemoScene) -> None:
    film = judge(scene, range(60, 100), found_in(scene), ComposeSettings(pace="every", subject="all"))
    assert set(film.states) == {"everybody"}
    assert min(film.subject) > 0.8
    assert np.mean(film.bystander) > 0.6


def waiting_when_judged(fps: float, size_wh: tuple[int, int]) -> int:
    """How many frames wait when the first ones are judged."""
    return next(n for n in range(1, 10_000) if frames_to_judge(n, round((n - 1) * 1e9 / fps), size_wh))


@pytest.mark.parametrize("size_wh", [(320, 180), (1920, 1080), (3840, 2160), (7680, 4320)])
@pytest.mark.parametrize("fps", [1.0, 30.0, 240.0, 90_000.0])
def test_the_pictures_that_wait_fit_into_memory(size_wh: tuple[int, int], fps: float) -> None:
    count = waiting_when_judged(fps, size_wh)
    assert LEAST_WAITING <= count <= MOST_WAITING
    assert 1 <= frames_to_judge(count, round(count * 1e9 / fps), size_wh) <= count // 3
    assert 3 * count * size_wh[0] * size_wh[1] <= WAITING_BYTES or count == LEAST_WAITING


@pytest.mark.parametrize("fps", [5.0, 24.0, 30.0, 50.0, 60.0, 120.0])
def test_at_every_frame_rate_two_seconds_are_looked_at_after_a_frame(fps: float) -> None:
    count = waiting_when_judged(fps, (640, 360))
    last = frames_to_judge(count, round((count - 1) * 1e9 / fps), (640, 360)) - 1
    assert (count - 1 - last) / fps >= 1.9
