"""Demo scenes for tests: with the coarse pattern on wall and people, and with courses that the demo itself has not."""

from __future__ import annotations

import math

from capture.demo import Course, DemoScene, Place, Places, demo_course, sways

COARSE = 20  # grey levels, up and down
VISIT_S = 6.0


def apart(seconds: float, wide: float) -> Places:
    """The bystander walks in from the left and out again, and never comes near the subject, who sits to the right."""
    subject = sways(seconds)
    inside = 0.5 - 0.5 * math.cos(2 * math.pi * seconds / VISIT_S)
    return Places(subject._replace(centre=subject.centre + 0.16), Place(0.20 * inside - wide / 2 * (1 - inside), 0.97))


def alone(seconds: float, wide: float) -> Places:
    """Only the subject."""
    return Places(sways(seconds), None)


COURSES: dict[str, Course] = {"crossing": demo_course, "apart": apart, "alone": alone}


class PatternedScene(DemoScene):
    """A scene that carries the coarse pattern, and knows by which command line capture plays it.

    Args:
        width: Pixels.
        height: Pixels.
        fps: Frames a second.
        course: A key of COURSES.
    """

    def __init__(self, width: int, height: int, fps: float, course: str = "crossing") -> None:
        super().__init__(width, height, fps, COURSES[course], COARSE)
        self.capture = f"tests.faults.patterned {course}"
