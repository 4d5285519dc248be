from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from common.metrics.metrics import Metrics, path_of
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.camera import CameraSink, LoopbackDevice, fitted
from display.virtual_cameras import LOOPBACK, virtual_cameras

MESSAGE = FrameComposed(FrameInfo(5, 7, 10**9, 9, "", 3, 90, 160), 2, "live", "", 80.5, True, "model")


class FakeDevice:
    """Checks what v4l2loopback and pyvirtualcam require: one even size, contiguous bytes, and nothing after closing."""

    kind, device, is_watched = LOOPBACK, "/dev/video42", False

    def __init__(self, width: int, height: int, fps: float, device: str | None) -> None:
        assert width % 2 == 0 and height % 2 == 0 and 1 < fps <= 60
        self.named, self.size_wh, self.sent, self.closed = device, (width, height), list[np.ndarray](), False

    def send(self, frame: np.ndarray) -> None:
        assert not self.closed
        assert frame.shape == (self.size_wh[1], self.size_wh[0], 3) and frame.dtype == np.uint8
        assert frame.flags.c_contiguous
        self.sent.append(frame.copy())

    def close(self) -> None:
        assert not self.closed
        self.closed = True


@pytest.fixture
def opened() -> list[FakeDevice]:
    return []


@pytest.fixture
def sink(opened: list[FakeDevice]) -> CameraSink:
    def opener(width: int, height: int, fps: float, device: str | None) -> FakeDevice:
        opened.append(FakeDevice(width, height, fps, device))
        return opened[-1]

    return CameraSink(DisplaySettings(sink="camera", camera="/dev/video42"), opener)


def test_the_camera_sends_a_card_as_soon_as_it_opens(sink: CameraSink, opened: list[FakeDevice]) -> None:
    assert len(opened[0].sent) == 1 and opened[0].named == "/dev/video42"
    assert opened[0].sent[0].mean() < 10, "a card"


def test_the_page_knows_the_camera_while_it_is_open(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    display = Metrics()
    monkeypatch.setattr("display.sinks.camera.metrics", display)
    (tmp_path / "video42").mkdir()
    (tmp_path / "video42" / "name").write_text("onlyme")

    def is_fed() -> bool:
        display.flush(path_of(run_dir, "display.1"))
        return virtual_cameras(run_dir, tmp_path)[0].is_fed

    assert not is_fed()
    sink = CameraSink(DisplaySettings(sink="camera"), FakeDevice)
    sink.show(np.zeros((90, 160, 3), np.uint8), MESSAGE, Meter())
    assert is_fed()
    sink.close()
    assert not is_fed()


def test_somebody_looks_while_a_program_uses_the_device(sink: CameraSink, opened: list[FakeDevice]) -> None:
    assert not sink.is_watched
    opened[0].is_watched = True
    assert sink.is_watched


def test_the_first_picture_sets_the_size_and_others_are_fitted(sink: CameraSink, opened: list[FakeDevice]) -> None:
    bright = np.full((91, 161, 3), 200, np.uint8)
    sink.show(bright, MESSAGE, Meter())
    assert opened[0].closed and opened[1].size_wh == (160, 90)
    assert opened[1].sent[-1].mean() == 200
    sink.show(np.full((200, 100, 3), 200, np.uint8), MESSAGE, Meter())
    assert len(opened) == 2
    assert opened[1].sent[-1][:, 80].mean() > 190 and opened[1].sent[-1][:, :50].max() == 0, "bars beside it"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that time.monotonic shows, for the test to move on."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def poll_often(sink: CameraSink, clock: list[float], times: int) -> None:
    """Poll the sink every 15 ms, as the display does."""
    for _ in range(times):
        clock[0] += 0.015
        sink.poll()


def test_the_card_replaces_the_last_picture_and_is_repeated(
    clock: list[float], sink: CameraSink, opened: list[FakeDevice]
) -> None:
    sink.show(np.full((90, 160, 3), 200, np.uint8), MESSAGE, Meter())
    device, had = opened[-1], len(opened[-1].sent)
    sink.blank("compose has ended")
    poll_often(sink, clock, 30)
    assert len(device.sent) - had == 1 + 6, "every fifth poll is more than two frames after the last picture"
    assert all(picture.mean() < 60 for picture in device.sent[had:])
    sink.close()
    assert device.closed and device.sent[-1].mean() < 60


def test_the_repeated_picture_is_a_copy(clock: list[float], sink: CameraSink, opened: list[FakeDevice]) -> None:
    picture = np.full((90, 160, 3), 200, np.uint8)
    sink.show(picture, MESSAGE, Meter())
    picture[:45] = 0  # the display reads the next one into the same buffer, and may fail half-way
    had = len(opened[-1].sent)
    poll_often(sink, clock, 10)
    assert len(opened[-1].sent) > had and opened[-1].sent[-1].min() == 200


def test_a_device_that_takes_no_picture_any_more_is_closed(
    sink: CameraSink, opened: list[FakeDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise OSError("No such device")

    monkeypatch.setattr(opened[-1], "send", gone)
    with pytest.raises(OSError, match="No such device"):
        sink.close()
    assert opened[-1].closed


def test_a_device_that_cannot_be_opened_at_the_picture_s_size_is_closed_once(opened: list[FakeDevice]) -> None:
    """PipeWire had ended meanwhile: its node was closed a second time, and the display died."""

    def once(width: int, height: int, fps: float, device: str | None) -> FakeDevice:
        if opened:
            raise RuntimeError("Host is down")
        opened.append(FakeDevice(width, height, fps, device))
        return opened[0]

    sink = CameraSink(DisplaySettings(sink="camera"), once)
    with pytest.raises(DisplayError, match="Host is down"):
        sink.show(np.zeros((90, 160, 3), np.uint8), MESSAGE, Meter())
    assert opened[0].closed and not sink.is_watched
    sink.close()


def test_a_picture_of_the_right_size_is_unchanged() -> None:
    picture = np.arange(90 * 160 * 3, dtype=np.uint32).reshape(90, 160, 3).astype(np.uint8)
    assert (fitted(picture, (160, 90)) == picture).all()


def test_a_missing_device_or_package_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> FakeDevice:
        raise RuntimeError("No v4l2 loopback device found\n at /dev/video*")

    with pytest.raises(DisplayError, match=r"v4l2loopback-dkms.*got: No v4l2 loopback device found at") as caught:
        CameraSink(DisplaySettings(sink="camera"), none)
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(DisplayError, match=r"requirements-camera.txt"):
        CameraSink(DisplaySettings(sink="camera"), LoopbackDevice)


def test_the_real_library_refuses_a_file_that_is_no_camera() -> None:
    with pytest.raises(DisplayError, match=r"v4l2loopback"):
        CameraSink(DisplaySettings(sink="camera", camera="/dev/null"))
