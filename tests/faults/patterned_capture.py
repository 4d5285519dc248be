"""The real capture, its demo a scene with the coarse pattern. Never part of the call.

python -m tests.faults.patterned_capture [COURSE]     a key of tests/faults/scenes.py's COURSES; crossing if there is none
"""

from __future__ import annotations

import sys
from functools import partial

from capture import sources
from common.process import launch
from tests.faults.scenes import PatternedScene

if __name__ == "__main__":
    course = sys.argv.pop(1) if len(sys.argv) > 1 else "crossing"
    sources.DemoScene = partial(PatternedScene, course=course)  # type: ignore[assignment, attr-defined]
    launch("capture")
