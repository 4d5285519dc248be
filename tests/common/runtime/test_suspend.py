"""A sleep of the machine is noticed, and nothing else is taken for one."""

from __future__ import annotations

import time

from common.runtime.suspend import LEAST_NS, SleepWatch, since_boot_ns

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

    def watch(self) -> SleepWatch:
        return SleepWatch(self.since_boot, self.awake)


def test_a_sleep_is_noticed_once() -> None:
    clocks = Clocks()
    watch = clocks.watch()
    assert not watch.has_slept(), "what was slept before the start does not count"
    for _ in range(2):
        clocks.asleep_ns += LEAST_NS + 1
        clocks.awake_ns += S
        assert watch.has_slept()
        assert watch.woke_ns == clocks.awake_ns
        assert not watch.has_slept()


def test_time_that_passes_awake_is_no_sleep() -> None:
    clocks = Clocks()
    watch = clocks.watch()
    for _ in range(5):
        clocks.awake_ns += 3600 * S
        assert not watch.has_slept()


def test_a_process_that_was_stopped_between_two_readings_has_not_slept() -> None:
    clocks = Clocks()
    clocks.stop_ns = 10 * S
    watch = clocks.watch()  # stopped at its first look
    clocks.stop_ns = 0
    watch.has_slept()  # the true difference, which looks like a sleep here: at worst hidden once
    for stop_ns in (10 * S, 0, 5 * S, 0):
        clocks.stop_ns = stop_ns
        assert not watch.has_slept()
    clocks.stop_ns, clocks.asleep_ns = 0, clocks.asleep_ns + S
    assert watch.has_slept()


def test_the_real_clocks_agree_while_the_machine_is_awake() -> None:
    watch = SleepWatch()
    assert since_boot_ns() >= time.monotonic_ns() - LEAST_NS
    assert not any(watch.has_slept() for _ in range(1000))
