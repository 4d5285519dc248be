"""A clock that moves only when somebody sleeps, so that tests of pace are exact and take no time."""

from __future__ import annotations


class FakeTime:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def monotonic_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
