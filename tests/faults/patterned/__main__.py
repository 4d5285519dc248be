"""The real capture, its demo the scene with the coarse pattern. Never part of the call."""

from __future__ import annotations

from common.runtime.supervisor import launch

if __name__ == "__main__":
    launch("capture", "tests.faults.patterned")
