"""Demo scenes for tests: with the coarse pattern on wall and people, and with courses that the demo itself has not."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from capture.demo import Course, DemoScene, Place, Places, demo_course, sways

COARSE = 20  # grey levels, up and down
COARSE_CELLS = 20  # in the height of the picture
VISIT_S = 6.0


def apart(seconds: float, wide: float) -> Places:
    """The bystander walks in from the left and out again, and never comes near the subject, who sits to the right."""
    subject = sways(seconds)
    inside = 0.5 - 0.5 * math.cos(2 * math.pi * seconds / VISIT_S)
    return Places(subject._replace(centre=subject.centre + 0.16), Place(0.20 * inside - wide / 2 * (1 - inside), 1.02))


COURSES: dict[str, Course] = {"crossing": demo_course, "apart": apart}


class PatternedScene(DemoScene):
    """A scene whose wall and people carry the coarse pattern, and knows by which command line capture plays it.

    Args:
        width: Pixels.
        height: Pixels.
        fps: Frames a second.
        course: A key of COURSES.
    """

    def __init__(self, width: int, height: int, fps: float, course: str = "crossing") -> None:
        super().__init__(width, height, fps, COURSES[course])
        for colour in (self.wall, self._subject.colour, self._bystander.colour):
            _add_coarse(colour, height / COARSE_CELLS)
        self.capture = f"tests.faults.patterned {course}"


def _add_coarse(colour: NDArray[np.uint8], cell: float) -> None:
    """Draw a checkerboard into (H, W, 3) uint8, its cells `cell` pixels wide."""
    y, x = np.mgrid[: colour.shape[0], : colour.shape[1]]
    light = ((x // cell + y // cell) % 2 * 2 - 1) * COARSE
    colour[:] = np.clip(colour + light[..., None], 0, 255).astype(np.uint8)
