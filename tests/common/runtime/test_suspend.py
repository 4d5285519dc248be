"""The detector reports each suspend of the machine once, and nothing else."""

from __future__ import annotations

import time

from common.runtime.suspend import LEAST_NS, SuspendDetector, since_boot_ns

S = 1_000_000_000


class Clocks:
    """CLOCK_BOOTTIME and CLOCK_MONOTONIC of a machine that can be put to sleep."""

    def __init__(self) -> None:
        self.awake_ns, self.asleep_ns = 100 * S, 7 * S
        self.stop_ns = 0  # how long the process is stopped between its two readings

    def since_boot(self) -> int:
        now_ns = self.awake_ns + self.asleep_ns
        self.awake_ns += self.stop_ns
        return now_ns

    def awake(self) -> int:
        return self.awake_ns

    def detector(self) -> SuspendDetector:
        return SuspendDetector(self.since_boot, self.awake)


def test_a_suspend_is_reported_once() -> None:
    clocks = Clocks()
    detector = clocks.detector()
    assert not detector.was_suspended(), "a suspend before the start does not count"
    for _ in range(2):
        clocks.asleep_ns += LEAST_NS + 1
        clocks.awake_ns += S
        assert detector.was_suspended()
        assert detector.resumed_ns == clocks.awake_ns
        assert not detector.was_suspended()


def test_time_that_passes_awake_is_not_a_suspend() -> None:
    clocks = Clocks()
    detector = clocks.detector()
    for _ in range(5):
        clocks.awake_ns += 3600 * S
        assert not detector.was_suspended()


def test_a_process_that_was_stopped_between_two_readings_reports_no_suspend() -> None:
    clocks = Clocks()
    clocks.stop_ns = 10 * S
    detector = clocks.detector()  # stopped at its first reading
    clocks.stop_ns = 0
    detector.was_suspended()  # the next reading is right, which looks like a suspend: at worst the picture is hidden once
    for stop_ns in (10 * S, 0, 5 * S, 0):
        clocks.stop_ns = stop_ns
        assert not detector.was_suspended()
    clocks.stop_ns, clocks.asleep_ns = 0, clocks.asleep_ns + S
    assert detector.was_suspended()


def test_the_real_clocks_agree_while_the_machine_is_awake() -> None:
    detector = SuspendDetector()
    assert since_boot_ns() >= time.monotonic_ns() - LEAST_NS
    assert not any(detector.was_suspended() for _ in range(1000))
