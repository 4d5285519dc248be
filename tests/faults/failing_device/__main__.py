"""The real worker, on a device that works for a while and then no more. Never part of the call."""

from __future__ import annotations

from common.runtime.supervisor import launch

if __name__ == "__main__":
    launch("infer", "tests.faults.failing_device")
