from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.video import Movie, VideoSink
from tests.call import environment
from tests.display.sinks.full_disk import files_up_to
from tests.shared import ROOT

MESSAGE = FrameComposed(FrameInfo(5, 7, 10**9, 9, "", 3, 90, 160), 2, "live", "", 80.5, True, "model")


def sink(out: Path | None, **settings: Any) -> VideoSink:
    return VideoSink(DisplaySettings(sink="video", out=out, **settings))


Played = list[tuple[float, float, tuple[int, ...]]]


def play(path: Path) -> Played:
    """Return time, mean and shape of every picture in a file."""
    with av.open(str(path)) as file:
        return [seen_in(frame) for frame in file.decode(video=0)]


def seen_in(frame: av.VideoFrame) -> tuple[float, float, tuple[int, ...]]:
    picture = frame.to_ndarray(format="bgr24")
    return float(frame.time), float(picture.mean()), picture.shape


def put(into: VideoSink, at_s: float, level: int, shape: tuple[int, int, int] = (90, 160, 3)) -> None:
    message = replace(MESSAGE, frame=replace(MESSAGE.frame, captured_ns=10**9 + round(at_s * 1e9)))
    into.show(np.full(shape, level, np.uint8), message, Meter())


def test_pictures_are_stored_at_their_times_of_capture(tmp_path: Path) -> None:
    into, times = sink(tmp_path / "call.mp4"), [0, 0.033, 0.1, 0.11, 1.5, 1.533, 3.2]
    for number, at in enumerate(times):
        put(into, at, 20 + 30 * number)
    into.close()
    seen = play(tmp_path / "call.mp4")
    assert [at for at, _, _ in seen] == pytest.approx(times, abs=0.001)
    assert [level for _, level, _ in seen] == pytest.approx([20 + 30 * n for n in range(7)], abs=4)


def test_odd_sizes_are_cut_and_new_sizes_long_and_large_files_begin_a_new_file(tmp_path: Path) -> None:
    into = sink(tmp_path / "call.mp4", rotate_minutes=0.05)
    put(into, 0, 99, (91, 161, 3))
    put(into, 0.1, 99, (48, 64, 3))
    put(into, 1, 99, (48, 64, 3))
    put(into, 4, 99, (48, 64, 3))
    into.close()
    assert [[s for _, _, s in play(tmp_path / f)] for f in ("call.mp4", "call-2.mp4", "call-3.mp4")] == [
        [(90, 160, 3)], [(48, 64, 3)] * 2, [(48, 64, 3)],
    ]  # fmt: skip
    noise = np.random.default_rng(1).integers(0, 256, (40, 360, 640, 3), dtype=np.uint8)
    into = sink(tmp_path / "big.mp4", rotate_mb=1)
    for number, picture in enumerate(noise):
        into.show(picture, replace(MESSAGE, frame=replace(MESSAGE.frame, captured_ns=10**9 + number * 10**8)), Meter())
        time.sleep(0.03)
    into.close()
    assert len(list(tmp_path.glob("big*.mp4"))) > 2
    assert sum(len(play(path)) for path in tmp_path.glob("big*.mp4")) == 40 - into.left_out


def test_the_file_begins_with_the_first_picture_and_not_with_a_card(tmp_path: Path) -> None:
    """`call.mp4` held a card of 640 x 360, and the call lay in `call-2.mp4`."""
    into = sink(tmp_path / "call.mp4")
    into.blank("no picture comes from the filter: waiting for one")
    into.show(np.zeros((48, 64, 3), np.uint8), replace(MESSAGE, state="lost"), Meter())
    put(into, 0, 200)
    into.close()
    assert [path.name for path in tmp_path.iterdir()] == ["call.mp4"]
    assert [shape for _, _, shape in play(tmp_path / "call.mp4")] == [(90, 160, 3)]


def test_a_sink_that_gets_no_picture_leaves_no_file(tmp_path: Path) -> None:
    into = sink(tmp_path / "call.mp4")
    into.blank("no picture comes from the filter: waiting for one")
    into.close()
    assert list(tmp_path.iterdir()) == []


def test_a_card_is_written_when_no_picture_comes(tmp_path: Path) -> None:
    into = sink(tmp_path / "call.mp4")
    now = (time.monotonic_ns() - 10**9) / 1e9
    put(into, now, 200)
    into.blank("compose has ended")
    into.close()
    (_, bright, _), (_, dark, _) = play(tmp_path / "call.mp4")
    assert bright > 190 and dark < 40


def test_a_killed_recorder_leaves_a_file_that_plays_and_the_next_one_another(tmp_path: Path) -> None:
    out = tmp_path / "call.mp4"
    code = f"""
import time, numpy as np
from pathlib import Path
from tests.display.sinks.test_video import *
into = sink(Path({str(out)!r}))
for n in range(10**6):
    put(into, n / 30, n % 200, (360, 640, 3))
    print(n, flush=True)
    time.sleep(1 / 60)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment({}, tmp_path), stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    last = next(int(line) for line in writer.stdout if int(line) >= 150)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    seen = play(out)
    assert last / 30 - seen[-1][0] < 2.5, "seconds lost"
    assert len(seen) > 60
    into = sink(out)
    put(into, 0, 99)
    into.close()
    assert len(play(tmp_path / "call-2.mp4")) == 1
    assert len(play(out)) == len(seen)


@pytest.mark.parametrize(
    "out",
    [lambda p: None, lambda p: p / "x.avi", lambda p: Path("/proc/nowhere/x.mp4")],
    ids=["none", "kind", "folder"],
)
def test_an_unwritable_file_is_an_error(tmp_path: Path, out: Callable[[Path], Path | None]) -> None:
    with pytest.raises(DisplayError, match=r"add --out call.mp4|name another file"):
        sink(out(tmp_path))


def fill(into: VideoSink) -> str:
    """Put noise until the sink cannot go on; return what it says."""
    noise = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for number in range(10_000):
        try:
            into.show(
                noise, replace(MESSAGE, frame=replace(MESSAGE.frame, captured_ns=10**9 + number * 10**8)), Meter()
            )
        except DisplayError as error:
            return str(error)
        time.sleep(0.002)
    raise AssertionError("nothing failed")


def test_a_full_disk_is_one_line_and_what_was_written_plays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with files_up_to(1_000_000):
        for name in ("call.mp4", "call-2.mp4"):
            into = sink(tmp_path / "call.mp4")
            assert f"cannot go on writing {tmp_path / name} (File too large)" in fill(into)
            with pytest.raises(DisplayError, match="File too large"):
                into.close()
            assert len(play(tmp_path / name)) > 10
    with files_up_to(100):
        into = sink(tmp_path / "call.mp4")
        assert f"cannot go on writing {tmp_path / 'call.mp4'} (" in fill(into), "the name that was asked for"
        with pytest.raises(DisplayError, match="File too large"):
            into.close()
    files = [tmp_path / "call.mp4", tmp_path / "call-2.mp4"]
    assert sorted(tmp_path.iterdir()) == sorted(files), "a file without a picture is removed"
    assert caplog.messages == [f"recording to {path}" for path in files], "and never named"


def test_an_error_of_the_encoder_is_one_line_and_what_was_encoded_plays(tmp_path: Path) -> None:
    """PyAV's errors are no OSErrors: the thread ended with a traceback, and every later picture was left out."""
    into = sink(tmp_path / "call.mp4")
    for number in range(3):
        put(into, number / 30, 99)
    put(into, 1, 99, (90, 1, 3))  # libx264 refuses a width of 0
    into._thread._thread.join()
    with pytest.raises(DisplayError, match="--sink video: cannot go on writing") as caught:
        put(into, 2, 99)
    assert "\n" not in str(caught.value)
    assert len(play(tmp_path / "call.mp4")) == 3


def test_what_was_encoded_before_an_error_of_the_encoder_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(stream, name)

        def encode(self, frame: av.VideoFrame | None) -> list[Any]:
            raise av.error.ExternalError(1, "the encoder's own")

    movie = Movie(tmp_path / "call.mp4", (90, 160, 3), 0, lambda _: None)
    for number in range(5):
        movie.add(number * 10**7, np.zeros((90, 160, 3), np.uint8))
    stream = movie._stream
    monkeypatch.setattr(movie, "_stream", Refusing())
    with pytest.raises(av.error.ExternalError):
        movie.add(10**9, np.zeros((90, 160, 3), np.uint8))
    with pytest.raises(av.error.ExternalError):
        movie.close()
    assert len(play(tmp_path / "call.mp4")) == 5
