"""The demo scene for tests: with the coarse pattern on wall and people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capture.demo import DemoScene

COARSE = 20  # grey levels, up and down
COARSE_CELLS = 20  # in the height of the picture
PATTERNED = "tests.faults.patterned"  # the capture that plays it


class PatternedScene(DemoScene):
    """The demo scene, its wall and people with the coarse pattern.

    Args:
        width: Pixels.
        height: Pixels.
        fps: Frames a second.
    """

    def __init__(self, width: int, height: int, fps: float) -> None:
        super().__init__(width, height, fps)
        for colour in (self.wall, self._subject.colour, self._bystander.colour):
            _add_coarse(colour, height / COARSE_CELLS)


def _add_coarse(colour: NDArray[np.uint8], cell: float) -> None:
    """Draw a checkerboard into (H, W, 3) uint8, its cells `cell` pixels wide."""
    y, x = np.mgrid[: colour.shape[0], : colour.shape[1]]
    light = ((x // cell + y // cell) % 2 * 2 - 1) * COARSE
    colour[:] = np.clip(colour + light[..., None], 0, 255).astype(np.uint8)
