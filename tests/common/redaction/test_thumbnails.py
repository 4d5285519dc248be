from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.error import FFmpegError

from common.errors import UserError
from common.redaction.judgements import Box
from common.redaction.thumbnails import Cut, Film
from common.vision.arrays import BgrImage
from tests.capture.sources.films import blue_corner, evenly, number_of, write_film

WHOLE = (0.0, 0.0, 1.0, 1.0)


def cut(film: Path, times_s: Sequence[float], box: Box = WHOLE, side: int = 64) -> list[BgrImage | None]:
    with closing(Film(film)) as opened:
        jpegs = opened.cut_out([Cut(time_s, box, side) for time_s in times_s])
    return [
        None if jpeg is None else np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1), np.uint8) for jpeg in jpegs
    ]


def numbers(pictures: list[BgrImage | None]) -> list[int | None]:
    return [None if picture is None else number_of(picture) for picture in pictures]


def test_each_cut_is_of_the_frame_of_its_time_in_any_order(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", [0.0, 0.1, 0.15, 0.9, 2.0])
    assert numbers(cut(film, [0.9, 0.0, 2.0, 0.15, 0.9])) == [3, 0, 4, 2, 3]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_far_frames_of_a_long_film_are_found(name: str, tmp_path: Path) -> None:
    film = write_film(tmp_path / name, evenly(900, 10), key_every=40)
    wanted = [3, 401, 405, 899]
    found = cut(film, [number / 10 for number in wanted])
    assert numbers(found) == [number % 30 for number in wanted]


def test_a_film_that_begins_later_says_so(tmp_path: Path) -> None:
    with closing(Film(write_film(tmp_path / "film.mkv", [5.0, 5.5]))) as film:
        assert film.begin_s == pytest.approx(5.0, abs=0.002)


def test_a_frame_that_is_not_there_has_no_picture(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", [0.0, 0.5, 1.0])
    assert numbers(cut(film, [0.25, 0.5, 100.0])) == [None, 1, None]


def test_a_box_is_cut_out_and_made_no_larger(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", [0.0], (64, 48))
    (corner,) = cut(film, [0.0], (0.0, 0.0, 0.5, 0.5))
    assert corner is not None and corner.shape == (24, 32, 3) and blue_corner(corner) == ("upper", "left")
    (small,) = cut(film, [0.0], side=16)
    assert small is not None and small.shape == (12, 16, 3)
    assert cut(film, [0.0], (0.5, 0.5, 0.5, 1.0)) == [None], "an empty box"


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(FFmpegError):
        Film(tmp_path / "film.mp4")


def test_a_film_without_pictures_is_refused(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", [0.0])
    data = bytearray(film.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin : data.index(b"moov", begin)] = bytes(data.index(b"moov", begin) - begin)
    film.write_bytes(data)
    with pytest.raises(UserError, match="got none that can be decoded"):
        Film(film)
