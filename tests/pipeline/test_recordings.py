"""The real command on odd recordings: what comes out is right, or one line says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.vision.arrays import BgrImage
from infer.settings import NO_MODEL
from tests.bench.recording_clips import demo
from tests.capture.sources.films import STEP
from tests.recordings import READABLE, UNREADABLE, contents_of, one_frame, pictures_of, variable_rate, with_sound
from tests.redacting import WHOLE, redact

EMBEDDED: dict[str, object] = {"mask_rcnn": NO_MODEL, "workers": 1}  # to start more takes longer than these films


def grey_of(picture: BgrImage) -> float:
    """Return the grey of the middle, which says the picture's number and is hidden by nothing but itself."""
    height, width = picture.shape[:2]
    return float(picture[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8].mean())


@pytest.mark.parametrize("kind", READABLE)
def test_every_picture_of_an_odd_recording_comes_out_in_its_place(
    kind: str, run_dir: Path, tmp_path: Path, segments: None
) -> None:
    odd = READABLE[kind](tmp_path)
    out = tmp_path / f"out{'.mkv' if odd.path.suffix == '.mkv' else '.mp4'}"
    code, said = redact(odd.path, out, run_dir, EMBEDDED)
    assert code in WHOLE, said
    assert "Traceback" not in said
    contents, pictures = contents_of(out), list(pictures_of(out))
    assert len(pictures) == odd.frames
    assert {picture.shape[1::-1] for picture in pictures} == {odd.size_wh}
    greys = [grey_of(picture) for picture in pictures]
    assert greys == pytest.approx([grey_of(picture) for picture in pictures_of(odd.path)], abs=STEP / 4)
    if odd.times_s is None:
        assert contents.times_s == sorted(set(contents.times_s))
    else:
        assert contents.times_s == pytest.approx(odd.times_s, abs=5e-4)


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "aac"), ("mkv", "pcm_s16le"), ("mov", "pcm_s16le")])
def test_the_sound_is_the_same_to_the_bit(ending: str, codec: str, run_dir: Path, tmp_path: Path) -> None:
    film = with_sound(variable_rate(tmp_path).path, tmp_path / f"heard.{ending}", codec)
    before, out = contents_of(film), tmp_path / f"out.{ending}"
    code, said = redact(film, out, run_dir, EMBEDDED)
    assert code in WHOLE, said
    after = contents_of(out)
    assert len(set(before.sound)) == len(before.sound) > 100, "no packet stands for another"
    assert after.sound == before.sound
    assert after.sound_s == pytest.approx(before.sound_s, abs=1e-3)
    assert after.times_s == pytest.approx(before.times_s, abs=5e-4)


def test_the_film_is_the_same_whatever_the_number_of_workers(run_dir: Path, tmp_path: Path) -> None:
    source, films = demo(tmp_path, (320, 180), 0.8).path, []
    for workers in (1, 3):
        out = tmp_path / f"by-{workers}.mp4"
        code, said = redact(source, out, run_dir, {**EMBEDDED, "workers": workers})
        assert code in WHOLE, said
        films.append(contents_of(out))
    assert len(films[0].times_s) == 24
    assert films[0] == films[1]


def test_a_muted_recording_has_no_sound(run_dir: Path, tmp_path: Path) -> None:
    film, out = with_sound(one_frame(tmp_path).path, tmp_path / "heard.mp4"), tmp_path / "out.mp4"
    assert contents_of(film).sound
    code, said = redact(film, out, run_dir, {**EMBEDDED, "sound": "mute"})
    assert code in WHOLE, said
    assert contents_of(out).sound == []


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_one_line_and_leaves_nothing(kind: str, run_dir: Path, tmp_path: Path) -> None:
    source = UNREADABLE[kind](tmp_path)
    before = set(tmp_path.iterdir())
    code, said = redact(source, tmp_path / "out.mp4", run_dir, EMBEDDED)
    assert code == 2, said
    assert len(said.splitlines()) == 1, said
    assert source.name in said
    assert set(tmp_path.iterdir()) == before
