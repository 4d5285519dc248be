from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.camera import CameraSink, fitted, open_device

MESSAGE = FrameComposed(FrameInfo(5, 7, 10**9, 9, "", 3, 90, 160), 2, "live", "", 80.5, True, "model")


class FakeDevice:
    """What v4l2loopback and pyvirtualcam insist on: one size, even, contiguous bytes, and nothing after closing."""

    device = "/dev/video42"

    def __init__(self, width: int, height: int, fps: float, device: str | None) -> None:
        assert width % 2 == 0 and height % 2 == 0 and 1 < fps <= 60
        self.named, self.size_wh, self.sent, self.closed = device, (width, height), list[np.ndarray](), False

    def send(self, frame: np.ndarray) -> None:
        assert not self.closed
        assert frame.shape == (self.size_wh[1], self.size_wh[0], 3) and frame.dtype == np.uint8
        assert frame.flags.c_contiguous
        self.sent.append(frame.copy())

    def close(self) -> None:
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


def test_it_sends_before_anybody_looks(sink: CameraSink, opened: list[FakeDevice]) -> None:
    assert len(opened[0].sent) == 1 and opened[0].named == "/dev/video42"
    assert opened[0].sent[0].mean() < 10, "a card"


def test_the_first_picture_says_the_size_and_others_are_fitted(sink: CameraSink, opened: list[FakeDevice]) -> None:
    bright = np.full((91, 161, 3), 200, np.uint8)
    sink.show(bright, MESSAGE, Meter())
    assert opened[0].closed and opened[1].size_wh == (160, 90)
    assert opened[1].sent[-1].mean() == 200
    sink.show(np.full((200, 100, 3), 200, np.uint8), MESSAGE, Meter())
    assert len(opened) == 2
    assert opened[1].sent[-1][:, 80].mean() > 190 and opened[1].sent[-1][:, :50].max() == 0, "bars beside it"


def test_it_goes_on_sending_and_hides_what_was_there(sink: CameraSink, opened: list[FakeDevice]) -> None:
    sink.show(np.full((90, 160, 3), 200, np.uint8), MESSAGE, Meter())
    device, had = opened[-1], len(opened[-1].sent)
    sink.blank("compose has ended")
    for _ in range(30):
        sink.poll()
        time.sleep(0.015)
    assert 4 <= len(device.sent) - had <= 10, "at half the camera's rate"
    assert all(picture.mean() < 60 for picture in device.sent[had:])
    sink.close()
    assert device.closed and device.sent[-1].mean() < 60


def test_what_it_sends_again_is_the_picture_as_it_was_shown(sink: CameraSink, opened: list[FakeDevice]) -> None:
    picture = np.full((90, 160, 3), 200, np.uint8)
    sink.show(picture, MESSAGE, Meter())
    picture[:45] = 0  # the display reads the next one into the same buffer, and may fail half-way
    had = len(opened[-1].sent)
    for _ in range(10):
        sink.poll()
        time.sleep(0.015)
    assert len(opened[-1].sent) > had and opened[-1].sent[-1].min() == 200


def test_fitting_keeps_what_fits() -> None:
    picture = np.arange(90 * 160 * 3, dtype=np.uint32).reshape(90, 160, 3).astype(np.uint8)
    assert (fitted(picture, (160, 90)) == picture).all()


def test_without_a_device_or_a_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> FakeDevice:
        raise RuntimeError("No v4l2 loopback device found\n at /dev/video*")

    with pytest.raises(DisplayError, match=r"v4l2loopback-dkms.*got: No v4l2 loopback device found at") as caught:
        CameraSink(DisplaySettings(sink="camera"), none)
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(DisplayError, match=r"requirements-camera.txt"):
        CameraSink(DisplaySettings(sink="camera"), open_device)


def test_the_real_library_refuses_a_device_that_is_none() -> None:
    with pytest.raises(DisplayError, match=r"v4l2loopback"):
        CameraSink(DisplaySettings(sink="camera", camera="/dev/null"))
