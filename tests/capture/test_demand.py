"""`--on-demand`: the source is open only while somebody looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from capture import demand, loop
from capture.demand import LINGER_NS, Demand
from capture.settings import CaptureSettings
from capture.sources.choice import check_source
from capture.sources.source import SourceFrame
from common.errors import SourceError
from common.ipc.messages import FrameCaptured, SourceIdle, SourceLost, ViewersPresent
from common.ipc.streams import FRAME_MESSAGES, FRAMES, VIEWERS, Socket, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.heartbeat import Heartbeat
from common.runtime.run_dir import open_run_dir
from common.runtime.stage_context import StageContext
from tests.processes.neighbours import wait_for

SHORT_NS = 1_000_000_000


class FakeCamera:
    """Has a device file open, and delivers 30 pictures a second; counts how often it was opened. Two at once are refused."""

    name, description, notice = "the camera", "a fake camera", ""
    read_timeout_s = 2.0
    opens = 0

    def __init__(self, device: Path, on_open: Callable[[], None]) -> None:
        if handles_of(device):
            raise SourceError("busy")
        on_open()
        self._device, self._on_open = device, on_open
        self._file, self._index = device.open(), 0

    def read(self) -> SourceFrame | None:
        time.sleep(1 / 30)
        self._index += 1
        return SourceFrame(np.zeros((90, 160, 3), np.uint8), self._index, time.monotonic_ns())

    def reopen(self) -> FakeCamera:
        return FakeCamera(self._device, self._on_open)

    def close(self) -> None:
        self._file.close()


def handles_of(path: Path) -> int:
    """How many descriptors of this process lead to a file, as /proc shows."""
    return sum(link == path for fd in Path("/proc/self/fd").iterdir() if (link := _target(fd)))


def _target(fd: Path) -> Path | None:
    try:
        return fd.readlink()
    except FileNotFoundError:  # that of the listing itself
        return None


class Call:
    """A capture in a thread of this process; the test plays compose and the displays."""

    def __init__(self, frames: Socket, viewers: Socket, device: Path, counters: Counters) -> None:
        self._frames, self._viewers, self.device, self._counters = frames, viewers, device, counters
        self.opens = 0
        self.epochs: set[int] = set()
        self.lost: list[str] = []

    def on_open(self) -> None:
        self.opens += 1

    def look(self) -> bool:
        """Say that somebody looks."""
        return send(self._viewers, ViewersPresent(time.monotonic_ns()))

    def watched(self) -> FrameCaptured | None:
        """A frame, while somebody looks."""
        self.look()
        return self.frame()

    def frame(self) -> FrameCaptured | None:
        return next((m for m in self._messages() if isinstance(m, FrameCaptured)), None)

    def idle(self) -> SourceIdle | None:
        return next((m for m in self._messages() if isinstance(m, SourceIdle)), None)

    def _messages(self) -> list[object]:
        messages = receive(self._frames, FRAME_MESSAGES, self._counters)
        self.epochs |= {m.frame.epoch for m in messages if isinstance(m, FrameCaptured)}
        self.lost += [m.reason for m in messages if isinstance(m, SourceLost)]
        return list(messages)


@contextmanager
def capturing(
    run_dir: Path, device: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch, *, on_demand: bool
) -> Iterator[Call]:
    open_run_dir(run_dir)
    device.touch()
    with open_context() as context:
        call = Call(connect(context, FRAMES, run_dir), connect(context, VIEWERS, run_dir), device, counters)
        monkeypatch.setattr(loop, "open_source", lambda _: FakeCamera(device, call.on_open))
        monkeypatch.setattr(demand, "LINGER_NS", SHORT_NS)
        stage = StageContext(Heartbeat(logging.INFO), [], restarts=0)
        settings = CaptureSettings(run_dir=run_dir, source="demo", width=160, height=90, on_demand=on_demand)
        thread = threading.Thread(target=loop.run, args=(settings, stage))
        thread.start()
        try:
            yield call
        finally:
            stage.request_stop()
            thread.join()


def test_the_camera_is_opened_for_a_viewer_and_let_go_of_after_the_last_one(
    run_dir: Path, tmp_path: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch, segments: None
) -> None:
    with capturing(run_dir, tmp_path / "video0", counters, monkeypatch, on_demand=True) as call:
        assert wait_for("that the camera is off", call.idle) == SourceIdle(90, 160)
        assert wait_for("that this is repeated", call.idle)
        assert (call.opens, handles_of(call.device)) == (0, 0)
        for viewer in (1, 2, 3):
            wait_for("capture", call.look)
            begun = time.monotonic()
            wait_for("a picture", call.watched)
            print(f"first picture after {1000 * (time.monotonic() - begun):.0f} ms")
            assert (call.opens, handles_of(call.device)) == (viewer, 1)
            while time.monotonic() - begun < 1.2 * SHORT_NS / 1e9:  # it stays while somebody looks
                wait_for("a picture", call.watched)
            wait_for("that the camera is off", call.idle)
            wait_for("that the device is closed", lambda: handles_of(call.device) == 0)
        assert call.opens == 3
        assert len(call.epochs) == 3, "each time another epoch: what was allowed before is forgotten"
        assert call.lost == [], "nobody is told of an error"


def test_a_viewer_who_comes_back_while_the_device_is_being_closed_finds_it_free(
    run_dir: Path, tmp_path: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two openings at once fail, as with a real camera."""
    with capturing(run_dir, tmp_path / "video0", counters, monkeypatch, on_demand=True) as call:
        for _ in range(3):
            wait_for("a picture", call.watched)
            wait_for("that the camera is off", call.idle)
        assert call.lost == []


def test_without_on_demand_the_camera_is_opened_once_and_stays_open(
    run_dir: Path, tmp_path: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capturing(run_dir, tmp_path / "video0", counters, monkeypatch, on_demand=False) as call:
        begun = time.monotonic_ns()
        while time.monotonic_ns() - begun < 2 * SHORT_NS:
            wait_for("a picture", call.frame)
        assert (call.opens, handles_of(call.device)) == (1, 1)


def test_a_source_is_wanted_for_some_seconds_after_the_last_word_of_any_display() -> None:
    wanted = Demand()
    assert not wanted.is_wanted(LINGER_NS), "nobody has looked yet, however young the machine is"
    wanted.note(10**9, now_ns=10**9)
    assert wanted.is_wanted(10**9 + LINGER_NS - 1) and not wanted.is_wanted(10**9 + LINGER_NS)
    wanted.note(3 * 10**9, now_ns=3 * 10**9)  # another display
    wanted.note(2 * 10**9, now_ns=4 * 10**9)  # one that was late
    assert wanted.is_wanted(3 * 10**9 + LINGER_NS - 1) and not wanted.is_wanted(3 * 10**9 + LINGER_NS)
    wanted.note(10**18, now_ns=5 * 10**9)
    assert not wanted.is_wanted(5 * 10**9 + LINGER_NS), "a time in the future keeps no camera on"


@pytest.mark.parametrize("source", ["camera:97", "none.mkv", "README.md"])
def test_a_source_that_is_not_there_is_said_at_the_start(source: str) -> None:
    with pytest.raises(SourceError):
        check_source(CaptureSettings(source=source))


@pytest.mark.parametrize("source", ["demo", "auto", "rtsp://127.0.0.1:1/x"])
def test_a_source_is_not_opened_to_be_checked(source: str) -> None:
    check_source(CaptureSettings(source=source))
