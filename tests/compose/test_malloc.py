"""The C library keeps freed memory, so the arrays of the next frame cost no page faults."""

from __future__ import annotations

import subprocess
import sys

from tests.shared import ROOT

PROGRAM = """
import resource, sys
import numpy as np
from compose.malloc import tune_malloc
if "keep" in sys.argv:
    tune_malloc()
def frames(number):
    for _ in range(number):
        at_once = [np.ones(2_764_800, np.uint8) for _ in range(4)]
        del at_once
frames(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
frames(20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *how], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_the_next_frame_costs_no_page_faults() -> None:
    assert faults("keep") < 100


def test_negative_control_by_default_it_costs_many() -> None:
    assert faults() > 1000
