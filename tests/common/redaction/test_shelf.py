"""Many recordings: which files are films, what their outputs are called, and what the manifest knows."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from common.errors import ConfigError, RedactionError, SourceError
from common.redaction import shelf
from common.redaction.files import frames_in, output_names, recordings_in
from common.redaction.key import output_key, sha256_of
from common.redaction.manifest import Manifest
from common.redaction.one import Job
from common.redaction.outcome import Redaction
from common.redaction.settings import Texts, resolve
from common.redaction.shelf import Outcome, plan, run_one
from tests.capture.sources.films import evenly, write_film


@pytest.fixture
def settings(tmp_path: Path) -> Texts:
    return resolve({"mask_rcnn": "none"}, {}, tmp_path / "no-dotenv")


def film(path: Path, pictures: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_film(path, evenly(pictures, 25))


def sound(path: Path, cover: Path | None = None) -> Path:
    """Sound alone, or with a picture on its cover, as music has."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("flac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        picture = file.add_stream("mjpeg", rate=1) if cover else None
        if picture is not None and cover is not None:
            picture.width, picture.height, picture.pix_fmt = 16, 16, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            packet = av.Packet(cover.read_bytes())
            packet.stream = picture
            file.mux(packet)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return path


def test_only_films_are_taken_from_a_folder(tmp_path: Path) -> None:
    good = [
        film(tmp_path / "a.mp4"),
        film(tmp_path / "deep" / "b.mkv"),
        film(tmp_path / "no-suffix.avi").rename(tmp_path / "c"),
    ]
    cv2.imwrite(str(tmp_path / "picture.jpg"), np.zeros((16, 16, 3), np.uint8))
    sound(tmp_path / "sound.flac")
    sound(tmp_path / "music.flac", tmp_path / "picture.jpg")
    (tmp_path / "notes.txt").write_text("no film\n" * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "broken").write_bytes(os.urandom(5000))
    (tmp_path / "damaged.MP4").write_bytes(os.urandom(5000))
    good.append(tmp_path / "damaged.MP4")  # nobody may believe that it was redacted
    for name in ("pipe.mp4", "pipe"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "gone.mp4").symlink_to("not-mounted.mp4")
    good += [tmp_path / "pipe.mp4", tmp_path / "gone.mp4"]  # nor of these
    film(tmp_path / ".hidden.mp4")
    film(tmp_path / ".hidden" / "d.mp4")
    film(tmp_path / "out" / "a.mp4")
    (tmp_path / "circle").symlink_to(tmp_path)
    assert list(recordings_in(tmp_path, leave_out=tmp_path / "out")) == sorted(good)
    assert frames_in(good[0]) == 3
    assert frames_in(tmp_path / "pipe.mp4") is None, "and it waits for nobody"


def test_an_output_keeps_the_name_of_its_source() -> None:
    sources = [
        Path(name) for name in ("a.mp4", "b.MOV", "c.avi", "d", "e.webm", "same.mp4", "same.avi", "deep/same.avi")
    ]
    assert {str(source): str(out) for source, out in output_names(sources, "h264").items()} == {
        "a.mp4": "a.mp4",
        "b.MOV": "b.mov",
        "c.avi": "c.mkv",
        "d": "d.mkv",
        "e.webm": "e.mkv",
        "same.mp4": "same.mp4.mp4",
        "same.avi": "same.avi.mkv",
        "deep/same.avi": "deep/same.mkv",
    }
    assert list(output_names([Path("e.webm"), Path("b.MOV")], "vp9").values()) == [Path("e.webm"), Path("b.mov")]


def test_one_file_goes_into_a_file_or_into_a_folder_that_is_there(tmp_path: Path, settings: Texts) -> None:
    call = film(tmp_path / "call.m4v")
    assert [job.out for job in plan([call], tmp_path / "x.mp4", settings, 1).jobs] == [tmp_path / "x.mp4"]
    (tmp_path / "out").mkdir()
    made = plan([call], tmp_path / "out", settings, 1)
    assert [job.out for job in made.jobs] == [tmp_path / "out" / "call.mp4"]
    assert made.frames == {call: 3}
    assert made.manifest is None


def test_several_inputs_go_into_one_folder(tmp_path: Path, settings: Texts) -> None:
    call, folder = film(tmp_path / "call.mp4"), film(tmp_path / "in" / "deep" / "lesson.mp4").parents[1]
    missing = tmp_path / "missing.mp4"
    made = plan([call, folder, missing], tmp_path / "out" / "new", settings, 1)
    assert [job.out.relative_to(tmp_path / "out" / "new") for job in made.jobs] == [
        Path("deep/lesson.mp4"), Path("call.mp4"), Path("missing.mp4"),
    ]  # fmt: skip
    assert (tmp_path / "out" / "new" / "deep").is_dir()


@pytest.mark.parametrize("which", ["the same folder", "no films", "two of a name", "a file for a folder"])
def test_inputs_that_cannot_be_are_refused_in_one_line(which: str, tmp_path: Path, settings: Texts) -> None:
    call, other = film(tmp_path / "in" / "call.mp4"), film(tmp_path / "other" / "call.mkv")
    (tmp_path / "empty").mkdir()
    inputs, out = {
        "the same folder": ([call.parent], call.parent),
        "no films": ([tmp_path / "empty"], tmp_path / "out"),
        "two of a name": ([call.parent, other], tmp_path / "out"),
        "a file for a folder": ([call.parent], other),
    }[which]
    with pytest.raises((ConfigError, SourceError)) as error:
        plan(inputs, out, settings, 1)
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)


def test_outputs_inside_the_folder_of_the_sources_are_no_sources(tmp_path: Path, settings: Texts) -> None:
    call = film(tmp_path / "call.mp4")
    film(tmp_path / "out" / "call.mp4")
    assert [job.source for job in plan([tmp_path], tmp_path / "out", settings, 1).jobs] == [call]


def redaction_of(job: Job) -> Redaction:
    """Copy the source, and say so."""
    shutil.copy(job.source, job.out)
    digest = sha256_of(job.source)
    return Redaction(job.out, job.report, 3, 3, 0, 0, False, 0.1, digest, output_key(digest, job.settings))


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages copy."""
    monkeypatch.setattr(shelf, "run", lambda job, progress, stop: redaction_of(job))


def do_all(inputs: list[Path], out: Path, settings: Texts, *, overwrite: bool = False) -> list[str]:
    """Do what is to be done; return the names of the sources."""
    made = plan(inputs, out, settings, 1, overwrite=overwrite)
    for job in made.jobs:
        made.record(run_one(job))
    return sorted(job.source.name for job in made.jobs)


@pytest.mark.usefixtures("copies")
def test_a_second_run_does_what_is_missing_or_changed(tmp_path: Path, settings: Texts) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
        film(folder / name)
    assert do_all([folder], out, settings) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert do_all([folder], out, settings) == []
    (out / "a.mp4").unlink()
    film(folder / "b.mp4", 5)
    os.utime(folder / "c.mp4", ns=(1, 1))  # only its time
    (out / "d.mp4").write_bytes(b"another")
    made = plan([folder], out, settings, 1)
    assert [(job.source.name, job.overwrite) for job in made.jobs] == [
        ("a.mp4", False),
        ("b.mp4", True),
        ("d.mp4", False),
    ]
    assert [path.name for path in made.done] == ["c.mp4"]
    assert do_all([folder], out, {**settings, "background": "color:00ff00"}) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert do_all([folder], out, settings, overwrite=True) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


@pytest.mark.usefixtures("copies")
def test_an_output_whose_maker_was_killed_before_it_wrote_that_down_is_made_again(
    tmp_path: Path, settings: Texts
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    film(folder / "a.mp4")
    made = plan([folder], out, settings, 1)
    made.begin(made.jobs[0])
    run_one(made.jobs[0])
    (job,) = plan([folder], out, settings, 1).jobs
    assert job.overwrite


@pytest.mark.usefixtures("copies")
def test_a_film_of_somebody_else_is_never_replaced(tmp_path: Path, settings: Texts) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    film(folder / "a.mp4")
    film(out / "a.mp4", 7)
    made = plan([folder], out, settings, 1)
    made.begin(made.jobs[0])
    assert [job.overwrite for job in plan([folder], out, settings, 1).jobs] == [False]


@pytest.mark.usefixtures("copies")
def test_an_output_stays_ours_where_another_redaction_of_its_source_failed(tmp_path: Path, settings: Texts) -> None:
    """A full disk, or a stage that was killed: after that the folder could not be finished without --overwrite."""
    folder, out = tmp_path / "in", tmp_path / "out"
    film(folder / "a.mp4")
    do_all([folder], out, settings)
    (job,) = plan([folder], out, {**settings, "look_every": "5"}, 1).jobs
    made = shelf.Plan([job], manifest=Manifest(out))
    made.begin(job)
    made.record(Outcome(job.source, job.out, 1, "killed"))
    (again,) = plan([folder], out, {**settings, "look_every": "5"}, 1).jobs
    assert again.overwrite


@pytest.mark.usefixtures("copies")
def test_a_source_that_is_gone_after_its_redaction_takes_no_other_with_it(tmp_path: Path, settings: Texts) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.mp4", "b.mp4"):
        film(folder / name)
    made = plan([folder], out, settings, 1)
    for job in made.jobs:
        made.begin(job)
        outcome = run_one(job)
        job.source.unlink()
        made.record(outcome)
    (folder / "a.mp4").symlink_to("nowhere.mp4")
    assert [job.source.name for job in plan([folder], out, settings, 1).jobs] == ["a.mp4"], (
        "what is no file is said, too"
    )


@pytest.mark.parametrize("line", ["[" * 100_000, "[]", '{"source": "%s"}', '{"source": "%s", "out": "%s", "code": 0}'])
def test_a_line_of_the_manifest_that_is_none_of_ours_says_nothing(line: str, tmp_path: Path, settings: Texts) -> None:
    source, out = film(tmp_path / "in" / "a.mp4"), film(tmp_path / "out" / "a.mp4")
    names = (source, out)[: line.count("%s")]
    (tmp_path / "out" / "onlyme-manifest.jsonl").write_text(line % names + "\n")
    manifest = Manifest(tmp_path / "out")
    assert not manifest.is_ours(source, out)
    assert not manifest.is_done(source, out, settings)


@pytest.mark.usefixtures("copies")
def test_a_torn_line_of_the_manifest_costs_one_redaction(tmp_path: Path, settings: Texts) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    film(folder / "a.mp4")
    film(folder / "b.mp4")
    do_all([folder], out, settings)
    path = Manifest(out).path
    os.truncate(path, path.stat().st_size - 20)
    (out / "b.mp4").unlink()
    assert do_all([folder], out, settings) == ["b.mp4"]
    assert do_all([folder], out, settings) == []
    assert path.stat().st_mode & 0o77 == 0


def test_a_manifest_that_cannot_be_written_or_read_is_one_line(tmp_path: Path, settings: Texts) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    film(folder / "a.mp4")
    made = plan([folder], out, settings, 1)
    Manifest(out).path.mkdir()
    with pytest.raises(ConfigError, match=r"^--out: cannot write .*manifest.jsonl \(Is a directory\); make room there"):
        made.begin(made.jobs[0])
    with pytest.raises(ConfigError, match=r"^--out: expected a path that can be read, got .*\(Is a directory\); "):
        plan([folder], out, settings, 1)


@pytest.mark.parametrize(
    ("raised", "code"), [(SourceError("no sound"), 2), (RedactionError("crashed", ["a line"]), 1), (None, 0)]
)
def test_a_failure_is_an_outcome_and_is_done_again(
    raised: Exception | None, code: int, tmp_path: Path, settings: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(job: Job, *_: object) -> Redaction:
        if raised is not None:
            raise raised
        return redaction_of(job)

    monkeypatch.setattr(shelf, "run", run)
    film(tmp_path / "in" / "a.mp4")
    made = plan([tmp_path / "in"], tmp_path / "out", settings, 1)
    outcome = run_one(made.jobs[0])
    made.record(outcome)
    assert (outcome.code, outcome.error) == (code, "" if raised is None else str(raised))
    assert outcome.log == (["a line"] if code == 1 else ())
    assert len(plan([tmp_path / "in"], tmp_path / "out", settings, 1).jobs) == (0 if raised is None else 1)


def test_a_failure_takes_nothing_off_what_was_done_before(tmp_path: Path, settings: Texts) -> None:
    job = Job(film(tmp_path / "a.mp4"), tmp_path / "out.mp4", settings, 1)
    done = Outcome(job.source, job.out, 3, redaction=replace(redaction_of(job), needs_look=True))
    made = shelf.Plan([job], manifest=Manifest(tmp_path))
    made.record(done)
    made.record(Outcome(job.source, job.out, 2, "no room"))
    assert not Manifest(tmp_path).is_done(job.source, job.out, settings), "it is looked at again"
