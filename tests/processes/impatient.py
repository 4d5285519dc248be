"""A real stage whose parent has less patience, so that nobody waits for it: `python -m tests.processes.impatient capture`.

Never part of the call. tests/faults/injections.py stops processes for as long as a real parent waits.
"""

from __future__ import annotations

import sys

from common.runtime import supervisor

STUCK_AFTER_S = 2.0
FIRST_BACKOFF_S = 0.05

if __name__ == "__main__":
    supervisor.STUCK_AFTER_S, supervisor.FIRST_BACKOFF_S = STUCK_AFTER_S, FIRST_BACKOFF_S
    stage = sys.argv.pop(1)
    supervisor.launch(stage, "display.relay" if stage == "relay" else "")
