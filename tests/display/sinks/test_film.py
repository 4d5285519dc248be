"""When the sink of films refuses, fails and finishes; what is in a film is tested in tests/display/film."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import DisplayError, SourceError
from common.ipc.recording_clock import captured_ns_of
from display.film import containers
from display.film.part_file import PART
from display.settings import DisplaySettings
from display.sinks.film import FilmSink
from tests.call import environment
from tests.display.film.recordings import MS, Sound, film_of, show, show_all, stamps_of, write_recording
from tests.display.sinks.full_disk import files_up_to
from tests.shared import ROOT

GREY = np.full((48, 64, 3), 99, np.uint8)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "recording.mkv", [40 * number for number in range(12)], MS, tracks=[Sound()])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "film.mp4"


def sink(recording: Path, out: Path | None, **settings: Any) -> FilmSink:
    return FilmSink(DisplaySettings(sink="video", pace="every", source=str(recording), out=out, **settings))


def put(into: FilmSink, number: int, picture: np.ndarray = GREY, state: str = "live") -> None:
    show(into, number, captured_ns_of(number / 25), picture, state)


def test_the_film_gets_its_name_when_it_is_whole(recording: Path, out: Path) -> None:
    into = sink(recording, out)
    count = show_all(recording, into)
    assert [path.name for path in out.parent.iterdir()] == [f"film.mp4{PART}"]
    into.end(count)
    into.close()
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]
    assert stamps_of(out) == stamps_of(recording)


@pytest.mark.parametrize("name", [None, "film", "film.avi"])
def test_a_name_without_a_known_suffix_is_refused(name: str | None, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DisplayError, match=r"expected a file .mp4, .mkv, .mov, .webm to write, got .*; add --out film.mp4"
    ):
        sink(recording, tmp_path / name if name else None)


def test_a_suffix_in_capitals_is_known(recording: Path, tmp_path: Path) -> None:
    assert stamps_of(film_of(recording, tmp_path / "film.MKV")) == stamps_of(recording)


def test_nothing_is_overwritten(recording: Path, out: Path) -> None:
    into = sink(recording, out)
    put(into, 0)
    out.write_bytes(b"somebody else's")  # while the film was made
    with pytest.raises(
        DisplayError, match=r"--out: expected a file that is not there yet, got .*film.mp4; name another"
    ):
        into.end(1)
    into.close()
    with pytest.raises(DisplayError, match="expected a file that is not there yet"):
        sink(recording, out)
    assert [(path.name, path.read_bytes()) for path in out.parent.iterdir()] == [("film.mp4", b"somebody else's")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda into: put(into, 2), "expected frame 1 of the recording, got frame 2; start again"),
        (lambda into: put(into, 0), "expected frame 1 of the recording, got frame 0; start again"),
        (lambda into: put(into, 1, state="lost"), "expected frame 1 of the recording, got a card; start again"),
        (lambda into: put(into, 1, GREY[:40]), "frame 1 as large as those before, 64 x 48, got 64 x 40; start again"),
        (lambda into: into.end(2), "expected 2 frames of the recording, got 1; start again"),
    ],
)
def test_a_film_with_a_gap_is_an_error_and_leaves_nothing(
    wrong: Callable[[FilmSink], None], said: str, recording: Path, out: Path
) -> None:
    into = sink(recording, out)
    put(into, 0)
    with pytest.raises(DisplayError, match=said):
        wrong(into)
    into.close()
    assert list(out.parent.iterdir()) == []


def test_a_call_that_ends_early_leaves_nothing(recording: Path, out: Path) -> None:
    into = sink(recording, out)
    put(into, 0)
    into.blank("no picture comes")
    into.close()
    sink(recording, out).close()
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_is_one_line_and_leaves_nothing(suffix: str, recording: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    for size in (100, 200_000):  # its head, its pictures
        into = sink(recording, tmp_path / f"film{suffix}", quality=0)
        with files_up_to(size), pytest.raises(DisplayError) as caught:
            for number in range(100):
                put(into, number, np.roll(noise, number, 1))
            into.end(100)
        into.close()
        assert str(caught.value) == (
            f"--out: cannot go on writing {tmp_path}/film{suffix} (File too large); make room there, or name another"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["recording.mkv"]


def test_a_disk_that_is_full_at_the_very_end_is_noticed(recording: Path, out: Path) -> None:
    """The end of a file is written when it is closed, where libraries like to forget errors."""
    whole = film_of(recording, out).stat().st_size
    for missing in (1, 100, whole - 1000):
        into = sink(recording, out.with_name("second.mp4"))
        with files_up_to(whole - missing), pytest.raises(DisplayError, match="File too large"):
            into.end(show_all(recording, into))
        into.close()
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]


def test_an_error_of_the_encoder_is_one_line(recording: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = replace(containers.ENCODERS["h264"], options={"preset": "nonsense"})
    monkeypatch.setitem(containers.ENCODERS, "h264", refused)
    into = sink(recording, out)
    with pytest.raises(DisplayError, match=r"--sink video: cannot go on writing .*film.mp4 \(") as caught:
        put(into, 0)
        put(into, 1)
    into.close()
    assert "\n" not in str(caught.value)
    assert list(out.parent.iterdir()) == []


def test_a_folder_that_cannot_be_written_and_a_recording_that_is_none_are_one_line(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DisplayError, match=r"--out: cannot write .*film.mp4 \(File exists\); name another file"):
        sink(recording, tmp_path / "file" / "film.mp4")
    for name, said in (("none.mp4", "which is not there"), ("file", "expected a video that can be read")):
        with pytest.raises(SourceError, match=said):
            sink(tmp_path / name, tmp_path / "film.mp4")


def read_pipe(path: Path) -> None:
    os.mkfifo(path)
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        (lambda part: part.symlink_to(part.with_name("other")), "Too many levels of symbolic links"),
        (os.mkfifo, "No such device or address"),
        (Path.mkdir, "Is a directory"),
        (read_pipe, "film.mp4.onlyme.part is no plain file"),
    ],
    ids=["link", "pipe", "folder", "pipe that somebody reads"],
)
def test_what_lies_in_the_place_of_an_unfinished_film_gets_nothing_of_it(
    lies: Callable[[Path], object], said: str, recording: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("somebody else's")
    lies(tmp_path / f"film.mp4{PART}")
    with pytest.raises(DisplayError, match=rf"--out: cannot write .*film.mp4 \({said}\); name another file"):
        sink(recording, tmp_path / "film.mp4")
    assert other.read_text() == "somebody else's"


KILLED = """
import sys, time
from pathlib import Path
from tests.display.film.recordings import show_all
from tests.display.sinks.test_film import sink
recording, out = map(Path, sys.argv[1:])
into = sink(recording, out)
show_all(recording, into)
print("ready", flush=True)
time.sleep(100)
"""


def test_what_a_killed_call_left_is_no_film_and_is_replaced_and_two_calls_never_write_one(
    recording: Path, out: Path, run_dir: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(recording), str(out)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment({}, run_dir),
    ) as killed:  # fmt: skip
        assert killed.stdout is not None and killed.stdout.readline() == "ready\n"
        with pytest.raises(DisplayError, match=r"--out: another call is writing .*film.mp4; name another file"):
            sink(recording, out)
        os.kill(killed.pid, signal.SIGKILL)
    assert [path.name for path in out.parent.iterdir()] == [f"film.mp4{PART}"]
    film_of(recording, out)
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]
    assert stamps_of(out) == stamps_of(recording)


def test_a_call_that_comes_just_as_another_ends_leaves_its_film_alone(
    recording: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, flock = sink(recording, out), fcntl.flock
    count = show_all(recording, first)

    def end_first(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.end(count)
        first.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", end_first)
    with pytest.raises(DisplayError, match="expected a file that is not there yet"):
        sink(recording, out)
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]
    assert stamps_of(out) == stamps_of(recording)


def test_a_call_that_comes_just_as_another_gives_up_writes_a_file_of_its_own(
    recording: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had opened the file that the other one removed: it wrote all of a film that had no name, or took a third call's."""
    first, flock = sink(recording, out), fcntl.flock

    def give_up_first(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", give_up_first)
    second = sink(recording, out)
    with pytest.raises(DisplayError, match="another call is writing"):
        sink(recording, out)
    second.end(show_all(recording, second))
    second.close()
    assert stamps_of(out) == stamps_of(recording)


def test_a_folder_that_is_moved_meanwhile_is_one_line(recording: Path, out: Path) -> None:
    made = sink(recording, out)
    count = show_all(recording, made)
    out.parent.rename(out.parent.with_name("moved"))
    with pytest.raises(DisplayError, match=r"cannot give .*film.mp4 its name \(No such file or directory\)"):
        made.end(count)
    made.close()
