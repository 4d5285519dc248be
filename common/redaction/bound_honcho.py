"""`python -m common.redaction.bound_honcho PARENT ARGUMENTS...`: become honcho, and end when the process PARENT ends.

The kernel keeps the signal that it sends at a parent's death through execve(2). honcho's stages see by themselves that honcho
is gone (common/runtime/parent_watch.py).
"""

from __future__ import annotations

import os
import sys

from common.runtime.parent_watch import set_parent_death_signal

if __name__ == "__main__":
    set_parent_death_signal(int(sys.argv[1]))
    os.execv(sys.executable, [sys.executable, "-m", "honcho", *sys.argv[2:]])
