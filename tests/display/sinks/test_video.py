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
from display.sinks.video import VideoSink, next_free
from tests.call import environment
from tests.shared import ROOT

MESSAGE = FrameComposed(FrameInfo(5, 7, 10**9, 9, "", 3, 90, 160), 2, "live", "", 80.5, True, "model")


def sink(out: Path | None, **settings: Any) -> VideoSink:
    return VideoSink(DisplaySettings(sink="video", out=out, **settings))


Played = list[tuple[float, float, tuple[int, ...]]]


def play(path: Path) -> Played:
    """Return time, mean and shape of every picture in a file."""
    with av.open(str(path)) as file:
        return [seen_in(frame) for frame in file.decode(video=0)]


def play_torn(path: Path) -> Played:
    """Return the same for a file whose last bytes are missing: all pictures before the packet that may be incomplete."""
    with av.open(str(path)) as file:
        *whole, _last, _end = file.demux(video=0)
        return [seen_in(frame) for packet in whole for frame in packet.decode()]


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
    assert next_free(tmp_path / "call.mp4") == tmp_path / "call-4.mp4", "nothing is overwritten"
    noise = np.random.default_rng(1).integers(0, 256, (40, 360, 640, 3), dtype=np.uint8)
    into = sink(tmp_path / "big.mp4", rotate_mb=1)
    for number, picture in enumerate(noise):
        into.show(picture, replace(MESSAGE, frame=replace(MESSAGE.frame, captured_ns=10**9 + number * 10**8)), Meter())
        time.sleep(0.03)
    into.close()
    assert len(list(tmp_path.glob("big*.mp4"))) > 2
    assert sum(len(play(path)) for path in tmp_path.glob("big*.mp4")) == 40 - into.left_out


def test_a_card_is_written_when_no_picture_comes(tmp_path: Path) -> None:
    into = sink(tmp_path / "call.mp4")
    now = (time.monotonic_ns() - 10**9) / 1e9
    put(into, now, 200)
    into.blank("compose has ended")
    into.close()
    (_, bright, _), (_, dark, _) = play(tmp_path / "call.mp4")
    assert bright > 190 and dark < 40


def test_a_killed_recorder_leaves_a_file_that_plays(tmp_path: Path) -> None:
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
    seen = play_torn(out)
    assert last / 30 - seen[-1][0] < 2.5, "seconds lost"
    assert len(seen) > 60


@pytest.mark.parametrize(
    "out",
    [lambda p: None, lambda p: p / "x.avi", lambda p: Path("/proc/nowhere/x.mp4")],
    ids=["none", "kind", "folder"],
)
def test_an_unwritable_file_is_an_error(tmp_path: Path, out: Callable[[Path], Path | None]) -> None:
    with pytest.raises(DisplayError, match=r"add --out call.mp4|name another file"):
        sink(out(tmp_path))


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    into = sink(tmp_path / "call.mp4")
    into._out = Path("/dev/full/x.mp4")
    with pytest.raises(DisplayError, match="cannot go on writing"):
        for number in range(200):
            put(into, number, 9)
            time.sleep(0.01)
    into.close()


def test_a_missing_package_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DisplayError, match=r"requirements-video.txt"):
        sink(tmp_path / "call.mp4")
