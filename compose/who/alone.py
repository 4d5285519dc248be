"""Whether the subject is alone, followed and unchanged, so that an older mask still tells where it is. Pure.

The area that is rolled on with the picture's motion and the matte is as exact after 1.2 s as after 0.1 s where nobody else is
in view (docs/how-it-works.md, "The governor"). Measured on the clips again and milk: IoU 0.997 and 0.996 with masks of 0.1 to 0.2 s, 0.996 and 0.994
with masks of up to 2 s, and the same leak. What ages is the knowledge that nobody has come. Whoever comes is seen by the matte
beside the subject, or makes the subject's area grow; either ends it.
"""

from __future__ import annotations

import cv2

from compose.who.step import Step

ALONE_NS = 2_000_000_000  # so long results must have found one person and no sign of another
# area now, in areas when the last result was made: outside, somebody was added to it, or a part of it was lost. In the shared webcam
# clips of people who sign, with nobody else in view, it stays between 0.84 and 1.19 for two seconds without a result
UNCHANGED = (0.8, 1.2)
LEAST_RESULTS = 4  # of them, at least
LEAST_PX = 12  # grid pixels: less of somebody else is noise of the matte


class Alone:
    """Follows one subject from result to result."""

    def __init__(self) -> None:
        self._since_ns: int | None = None  # time of the first result in a row that found one person
        self._now_ns = 0
        self._results = 0  # in that row
        self._area = 0  # grid pixels in the frame after that of the last result, 0: not measured yet

    def see(self, captured_ns: int, people: int, signs: int, *, is_same: bool) -> None:
        """A result of a frame captured at `captured_ns` found so many people, of whom one is the subject, and so many signs of
        somebody; `is_same`: the subject is who it was before."""
        if people != 1 or signs or not is_same:
            self._since_ns = None
        if people == 1 and not signs and self._since_ns is None:
            self._since_ns, self._results = captured_ns, 0
        self._now_ns, self._area, self._results = captured_ns, 0, self._results + 1

    def measure(self, step: Step) -> None:
        """Take the subject's area from here on for what it was when the last result was made."""
        self._area = cv2.countNonZero(step.subject)

    @property
    def is_known(self) -> bool:
        """Whether results have found nobody else for long."""
        if self._since_ns is None or self._results < LEAST_RESULTS:
            return False
        return self._now_ns - self._since_ns >= ALONE_NS

    def holds(self, step: Step) -> bool:
        """Whether that is still so in the frame of `step`, the newest one."""
        area = cv2.countNonZero(step.subject)
        self._area = self._area or area
        if not self.is_known or step.strict or step.doubt or step.behind:
            return False
        strangers = cv2.countNonZero(cv2.compare(step.others, 127, cv2.CMP_GT)) + cv2.countNonZero(step.strays)
        return strangers < LEAST_PX and UNCHANGED[0] * self._area <= area <= UNCHANGED[1] * self._area
