"""A camera without a kernel module: what Firefox, Chromium, OBS and GNOME choose through PipeWire as they choose a webcam."""

from __future__ import annotations

import cv2
import numpy as np

from common.errors import DisplayError
from common.vision.arrays import BgrImage
from display.sinks.pipewire_node import NodeError, PipeWireNode
from display.sinks.spa_pod import Layout
from display.virtual_cameras import PIPEWIRE

INSTALL = "apt-get install pipewire wireplumber"
START = "systemctl --user start pipewire wireplumber"
I420, YUY2, BGRX = 2, 4, 8  # enum spa_video_format
CODES = {I420: cv2.COLOR_BGR2YUV_I420, YUY2: cv2.COLOR_BGR2YUV_YUY2, BGRX: cv2.COLOR_BGR2BGRA}
ALIGNED = 8  # pixels: only then do all programs agree where the planes of I420 begin


class PipeWireDevice:
    """A PipeWire node in the place of pyvirtualcam.Camera. While no program takes pictures, none is converted or copied.

    Args:
        width, height: Of all pictures, even.
        fps: The rate that the node states.
        name: Of the node, as people choose it.

    Raises:
        DisplayError: PipeWire is missing, or does not run.
    """

    kind = PIPEWIRE

    def __init__(self, width: int, height: int, fps: float, name: str) -> None:
        self.device = name
        try:
            self._node = PipeWireNode(name, (width, height), round(fps), layouts(width, height))
        except (OSError, AttributeError) as error:
            raise DisplayError(
                f"--sink pipewire: expected PipeWire 0.3.50 or newer on this machine, got none ({error}); run {INSTALL} as root"
            ) from None
        except NodeError as error:
            raise DisplayError(
                f"--sink pipewire: expected a PipeWire that runs, got: {error}; run {START}, after {INSTALL} as root"
            ) from None

    @property
    def is_watched(self) -> bool:
        """Whether any program takes pictures now.

        Raises:
            DisplayError: PipeWire has gone.
        """
        try:
            return self._node.is_watched
        except NodeError as error:
            raise DisplayError(f"--sink pipewire: PipeWire has gone ({error})") from None

    def send(self, frame: BgrImage) -> None:
        """Send one picture, (H, W, 3) uint8 BGR, to the programs that wait for one; never wait.

        Raises:
            DisplayError: PipeWire has gone.
        """
        if self.is_watched and (video_format := self._node.format) is not None:
            self._node.send(video_format, np.ascontiguousarray(cv2.cvtColor(frame, CODES[video_format]), np.uint8))

    def close(self) -> None:
        """Take the node away."""
        self._node.close()


def layouts(width: int, height: int) -> dict[int, Layout]:
    """Return the formats that are offered for a size, the preferred one first, and how their pictures lie in memory."""
    found = {YUY2: Layout(2 * width * height, 2 * width), BGRX: Layout(4 * width * height, 4 * width)}
    return {I420: Layout(width * height * 3 // 2, width), **found} if width % ALIGNED == 0 else found
