"""The sink that other programs see as a camera: a virtual one (v4l2loopback, through pyvirtualcam), or a PipeWire node (pipewire.py)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.metrics.metrics import metrics
from common.runtime.install import CAMERA_COMMAND
from common.vision.arrays import BgrImage
from display.captions import write_caption
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.consumers import DeviceConsumers
from display.sinks.sink import SinkEvents, UnattendedSink
from display.virtual_cameras import LOAD, LOOPBACK

FPS = 30.0
FIRST_SIZE_WH = (1280, 720)
REPEAT_AFTER_S = 2 / FPS  # the last picture is sent again after this: a meeting drops a camera that sends nothing
HOW = f"a virtual camera is needed: {LOAD}, as root; name it with --camera /dev/videoN where there are several"

log = logging.getLogger("onlyme")


class Device(Protocol):
    """The part of pyvirtualcam.Camera that is used. PipeWireDevice has it too."""

    kind: str  # LOOPBACK or PIPEWIRE
    device: str

    @property
    def is_watched(self) -> bool:
        """Whether any program takes pictures now."""

    def send(self, frame: BgrImage) -> None:
        """Send one picture, (H, W, 3) uint8 BGR."""

    def close(self) -> None:
        """Close the device."""


Opener = Callable[[int, int, float, str | None], Device]


class LoopbackDevice:
    """A virtual camera for BGR pictures; pyvirtualcam converts them to the format of the device.

    Raises:
        RuntimeError: There is no virtual camera.
    """

    kind = LOOPBACK

    def __init__(self, width: int, height: int, fps: float, device: str | None) -> None:
        import pyvirtualcam

        self._camera = pyvirtualcam.Camera(width, height, fps, fmt=pyvirtualcam.PixelFormat.BGR, device=device)
        self.device = os.path.realpath(self._camera.device)  # the page compares it with the kernel's names
        self._consumers = DeviceConsumers(Path(self.device))

    @property
    def is_watched(self) -> bool:
        """See Device."""
        return self._consumers.are_there()

    def send(self, frame: BgrImage) -> None:
        """See Device."""
        self._camera.send(frame)

    def close(self) -> None:
        """See Device."""
        self._consumers.close()
        self._camera.close()


class CameraSink(UnattendedSink):
    """Sends every composite, repeats the last picture while none comes, and sends a card before the first and after a loss.

    The first composite sets the size, rounded down to even sides. Later ones of another size are fitted into it, because
    programs that use the camera do not expect its size to change.

    Raises:
        DisplayError: There is no virtual camera, or pyvirtualcam is not installed.
    """

    def __init__(self, settings: DisplaySettings, opener: Opener = LoopbackDevice) -> None:
        self._opener, self._named = opener, settings.camera or None
        opened = self._open(FIRST_SIZE_WH)
        self._device: Device | None = opened  # None where it could not be opened again
        self._is_sized = False
        self.blank("onlyme is starting")
        self._shown_as = {"kind": opened.kind, "device": opened.device}
        metrics.set("camera", 1, **self._shown_as)
        log.info("sending to the %s camera %s", opened.kind, opened.device)

    @property
    def is_watched(self) -> bool:
        """See Sink."""
        return self._device is not None and self._device.is_watched

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        size_wh = (picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2)
        if not self._is_sized and size_wh != self._size_wh:
            self._close_device()
            self._device = self._open(size_wh)
        self._is_sized = True
        self._send(fitted(picture, self._size_wh).copy())

    def blank(self, why: str) -> None:
        """See Sink."""
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why])
        self._send(card)

    def poll(self) -> SinkEvents:
        """See Sink."""
        if time.monotonic() - self._sent_at > REPEAT_AFTER_S:
            self._send(self._last)
        return super().poll()

    def close(self) -> None:
        """See Sink. The last picture sent is a card."""
        try:
            self.blank("onlyme has ended")
        finally:  # a device that has gone takes no card
            self._close_device()
            metrics.set("camera", 0, **self._shown_as)

    def _close_device(self) -> None:
        """Close the device, once."""
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _send(self, picture: BgrImage) -> None:
        self._last, self._sent_at = picture, time.monotonic()
        if self._device is not None:
            self._device.send(picture)

    def _open(self, size_wh: tuple[int, int]) -> Device:
        self._size_wh = size_wh
        try:
            return self._opener(*size_wh, FPS, self._named)
        except ImportError:
            raise DisplayError(
                f"--sink camera: expected the package pyvirtualcam, got none; run {CAMERA_COMMAND}"
            ) from None
        except (RuntimeError, OSError) as error:
            said = " ".join(str(error).split())
            raise DisplayError(f"--sink camera: {HOW} (got: {said:.120})") from None


def fitted(picture: BgrImage, size_wh: tuple[int, int]) -> BgrImage:
    """Fit (H, W, 3) uint8 BGR into `size_wh`: cut off an odd row or column, or scale it and add black bars."""
    height, width = picture.shape[:2]
    if (width // 2 * 2, height // 2 * 2) == size_wh:
        return np.ascontiguousarray(picture[: size_wh[1], : size_wh[0]])
    scale = min(size_wh[0] / width, size_wh[1] / height)
    inner_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    x, y = (size_wh[0] - inner_wh[0]) // 2, (size_wh[1] - inner_wh[1]) // 2
    whole[y : y + inner_wh[1], x : x + inner_wh[0]] = cv2.resize(picture, inner_wh, interpolation=cv2.INTER_AREA)
    return whole
