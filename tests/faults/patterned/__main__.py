"""The real capture, its demo a scene with the coarse pattern. Never part of the call.

python -m tests.faults.patterned [COURSE]     a key of tests/faults/scenes.py's COURSES; crossing if there is none
"""

from __future__ import annotations

import sys

from common.process import launch
from tests.faults.patterned import chosen

if __name__ == "__main__":
    if len(sys.argv) > 1:
        chosen.course = sys.argv.pop(1)
    launch("capture", "tests.faults.patterned")
