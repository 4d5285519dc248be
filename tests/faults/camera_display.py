"""The real display whose virtual camera is the file of `--out`. Never part of the call.

Each picture is a line of it: its JPEG in base 64.
"""

from __future__ import annotations

import base64
from pathlib import Path

import cv2

from common.runtime.supervisor import launch
from common.vision.arrays import BgrImage
from display.settings import DisplaySettings
from display.sinks import factory as sinks
from display.sinks.camera import CameraSink
from display.sinks.sink import Sink
from display.virtual_cameras import LOOPBACK


class FileDevice:
    """What goes to the device is written down."""

    kind, device, is_watched = LOOPBACK, "a file", True

    def __init__(self, out: Path) -> None:
        self._out = out

    def send(self, frame: BgrImage) -> None:
        """See display.sinks.camera.Device."""
        jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        with self._out.open("ab") as file:
            file.write(base64.b64encode(jpeg.tobytes()) + b"\n")

    def close(self) -> None:
        """See display.sinks.camera.Device."""


if __name__ == "__main__":

    def camera(settings: DisplaySettings) -> Sink:
        assert settings.out is not None
        out = settings.out
        return CameraSink(settings, lambda width, height, fps, device: FileDevice(out))

    sinks.MAKERS["camera"] = camera
    launch("display")
