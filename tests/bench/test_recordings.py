"""What the bench of recordings measures from outside, on films whose opacity is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from common.vision.arrays import BgrImage, Mask
from tests.bench.keyed import GREEN, WHITE, Truth, background_of, opacity_of, score, truth_of_mask
from tests.bench.recording_clips import demo, write_pictures
from tests.bench.recordings import compare, pairs_of
from tests.recordings import contents_of, slow

SIZE_WH = (96, 64)


def region(left: int, right: int) -> Mask:
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[:, left:right] = True
    return mask


def source() -> BgrImage:
    return np.random.default_rng(1).integers(0, 90, (*SIZE_WH[::-1], 3)).astype(np.uint8)


def composed(picture: BgrImage, opacity: np.ndarray) -> BgrImage:
    mixed = picture * opacity[..., None] + np.array(GREEN) * (1 - opacity[..., None])
    return np.asarray(np.rint(mixed), np.uint8)


def test_the_opacity_is_recovered() -> None:
    opacity = np.linspace(0, 1, SIZE_WH[0])[None].repeat(SIZE_WH[1], 0)
    found, known = opacity_of(composed(source(), opacity), source(), GREEN)
    assert known.all()
    assert np.abs(found - opacity).max() < 0.01


def test_a_colour_is_named_as_the_setting_has_it() -> None:
    assert [background_of(colour) for colour in (GREEN, WHITE, (1, 2, 3))] == [
        "color:00ff00",
        "color:ffffff",
        "color:030201",
    ]


def test_where_the_source_has_the_colour_of_the_background_nothing_is_known() -> None:
    picture = np.full((4, 4, 3), GREEN, np.uint8)
    picture[0] = (0, 200, 0)
    _, known = opacity_of(picture, picture, GREEN)
    assert known[0].all()
    assert not known[1:].any()


def test_each_share_is_of_what_its_name_says() -> None:
    person, bystander = region(0, 40), region(60, 80)
    shown = composed(source(), (region(10, 40) | region(60, 65)).astype(float))
    scores = score([(0, source(), shown)], lambda number: Truth(person, ~person, bystander), GREEN)
    assert scores.iou == {0: pytest.approx(30 / 45)}
    assert scores.leak == {0: pytest.approx(5 / 40)}
    assert scores.bystander == {0: pytest.approx(5 / 20)}
    assert scores.hidden == 0


def test_a_frame_that_shows_nothing_is_hidden_and_one_without_truth_is_not_scored() -> None:
    person = region(0, 40)
    nothing = composed(source(), np.zeros(SIZE_WH[::-1]))
    frames = [(number, source(), nothing) for number in range(3)]
    scores = score(frames, lambda number: Truth(person, ~person) if number < 2 else None, GREEN)
    assert (scores.frames, scores.hidden, scores.iou) == (3, 2, {0: 0, 1: 0})


def test_a_bystander_who_is_hardly_in_the_picture_is_not_counted() -> None:
    little = np.zeros(SIZE_WH[::-1], bool)
    little[:5, :5] = True
    scores = score([(0, source(), source())], lambda number: Truth(region(0, 40), region(40, 96), little), GREEN)
    assert scores.bystander == {}


def test_what_is_unsure_in_a_drawn_mask_is_neither_person_nor_background() -> None:
    drawn = np.array([[255, 128, 0]], np.uint8).repeat(3, 0)
    truth = truth_of_mask(drawn, (6, 6))
    assert truth.person.sum(axis=0).tolist() == [6, 6, 0, 0, 0, 0]
    assert truth.background.sum(axis=0).tolist() == [0, 0, 0, 0, 6, 6]


def test_the_same_film_is_the_same_and_a_shorter_one_is_not(tmp_path: Path) -> None:
    clip = demo(tmp_path, (160, 120), 0.5)
    before = contents_of(clip.path)
    assert len(before.times_s) == 15
    assert len(set(before.sound)) == len(before.sound) > 10
    same = compare(before, before)
    assert (same["times equal"], same["sound equal"]) == ("yes", "yes")
    shorter = before._replace(times_s=before.times_s[:-1], sound=before.sound[1:])
    other = compare(before, shorter)
    assert str(other["times equal"]).startswith("no")
    assert (other["frames out"], other["sound equal"]) == (14, "no")


def test_a_film_of_pictures_is_scored_as_the_pictures_are(tmp_path: Path) -> None:
    person = region(0, 40)
    smooth = np.asarray(cv2.GaussianBlur(source(), (0, 0), 3), np.uint8)
    before = write_pictures(tmp_path / "before.mp4", [smooth] * 3, 30)
    after = write_pictures(tmp_path / "after.mp4", [composed(smooth, person.astype(float))] * 3, 30)
    scores = score(pairs_of(before, after), lambda number: Truth(person, ~person), GREEN)
    assert scores.frames == 3
    assert min(scores.iou.values()) > 0.97


def test_hours_are_made_in_a_moment(tmp_path: Path) -> None:
    contents = contents_of(slow(tmp_path / "slow.mp4", 40))
    assert contents.times_s == [float(second) for second in range(40)]
