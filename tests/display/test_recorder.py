from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks import video
from display.web.recorder import Recorder, movie_path

PICTURE = np.full((48, 64, 3), 90, np.uint8)


def message(number: int) -> FrameComposed:
    return FrameComposed(
        FrameInfo(1, number, 1 + number * 33_000_000, 1, "s", 1, 48, 64), 1, "live", "", 1.0, True, "m"
    )


def show(recorder: Recorder, number: int) -> None:
    recorder.show(PICTURE.copy(), message(number), Meter())


def test_nothing_is_written_before_a_recording_is_wanted(tmp_path: Path) -> None:
    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    show(recorder, 1)
    recorder.blank("nothing")
    recorder.close()
    assert recorder.facts == {"on": False, "file": "", "failure": ""}
    assert list(tmp_path.iterdir()) == []


def test_two_recordings_are_two_files_and_the_page_names_the_one_that_is_written(tmp_path: Path) -> None:
    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    for name in ("call.mp4", "call-2.mp4"):
        recorder.want(True)
        for number in range(5):
            show(recorder, number)
        recorder.want(False)
        show(recorder, 6)
        recorder.close()
        assert recorder.facts == {"on": False, "file": str(tmp_path / name), "failure": ""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call-2.mp4", "call.mp4"]


def test_the_page_goes_on_while_a_slow_encoder_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, ended = threading.Event(), threading.Event()

    def slow(self: video.VideoSink) -> None:
        may_end.wait(20)
        ended.set()

    monkeypatch.setattr(video.VideoSink, "close", slow)
    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    recorder.want(True)
    show(recorder, 1)
    recorder.want(False)
    show(recorder, 2)
    assert not ended.is_set(), "the display did not wait"
    may_end.set()
    recorder.close()
    assert ended.is_set(), "the end of the call did"


def test_a_recording_that_fails_later_ends_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, *_: object) -> bool:
        raise DisplayError("--out: cannot go on writing")

    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    recorder.want(True)
    show(recorder, 1)
    monkeypatch.setattr(video.VideoSink, "show", full)
    show(recorder, 2)
    assert recorder.facts["on"] is False and recorder.facts["failure"] == "--out: cannot go on writing"
    recorder.close()


def test_a_recording_ends_also_where_no_picture_comes_any_more(tmp_path: Path) -> None:
    """The filter had stopped, and cards were recorded on and on."""
    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    recorder.want(True)
    for number in range(5):
        show(recorder, number)
    recorder.want(False)
    recorder.blank("the filter has stopped")
    recorder.close()
    size = (tmp_path / "call.mp4").stat().st_size
    recorder.blank("the filter has stopped")
    assert (tmp_path / "call.mp4").stat().st_size == size


def test_the_failure_of_an_earlier_recording_is_not_said_of_the_one_that_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, real = threading.Event(), video.VideoSink.close

    def slow(self: video.VideoSink) -> None:
        may_end.wait(20)
        real(self)
        raise DisplayError("--out: cannot go on writing")

    recorder = Recorder(DisplaySettings(out=tmp_path / "call.mp4"))
    recorder.want(True)
    show(recorder, 1)
    monkeypatch.setattr(video.VideoSink, "close", slow)
    recorder.want(False)
    show(recorder, 2)
    recorder.want(True)
    show(recorder, 3)
    monkeypatch.setattr(video.VideoSink, "close", real)
    may_end.set()
    recorder.close()
    assert recorder.facts["failure"] == ""


def test_a_user_without_a_folder_is_told_to_name_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_videos_path", none)
    recorder = Recorder(DisplaySettings())
    recorder.want(True)
    show(recorder, 1)
    assert not recorder.facts["on"] and "start with --out call.mp4" in recorder.facts["failure"]


def test_without_out_a_recording_is_named_after_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("display.web.recorder.platformdirs.user_videos_path", lambda: tmp_path)
    path = movie_path(DisplaySettings())
    assert path.parent == tmp_path and path.name.startswith("onlyme-2") and path.suffix == ".mp4"
    assert movie_path(DisplaySettings(out=Path("x.mp4"))) == Path("x.mp4")
