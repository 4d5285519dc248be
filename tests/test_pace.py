from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.pace import as_if_idle, slowdown
from tests.processes.neighbours import wait_for

BUSY = "print(flush=True)\nwhile True: pass"


def test_a_processor_that_another_uses_too_is_slower() -> None:
    everywhere = os.sched_getaffinity(0)
    here = {min(everywhere)}
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            os.sched_setaffinity(other.pid, here)
            os.sched_setaffinity(0, here)
            assert slowdown() > 1.3, "each has half of it"
        finally:
            os.sched_setaffinity(0, everywhere)
            other.kill()


def test_a_limit_grows_with_the_slowdown_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def perf_counter() -> float:
        now[0] += 0.15
        return now[0]

    monkeypatch.setattr(time, "perf_counter", perf_counter)  # 0.15 s pass during 0.1 s of work
    assert as_if_idle(3.0) == pytest.approx(2.0)
    assert as_if_idle(0.9) == 0.9
    monkeypatch.setattr(time, "perf_counter", lambda: 5.0)
    assert as_if_idle(3.0) == 3.0, "an idle machine earns no more time than the limit"


def test_who_waits_in_vain_says_so_and_waits_longer_where_the_machine_is_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = 0

    def never() -> None:
        nonlocal turns
        turns += 1

    with pytest.raises(AssertionError, match="for what never comes, which had 0 s on an idle machine"):
        wait_for("what never comes", never, 0.01)
    assert turns > 1
    monkeypatch.setattr("tests.processes.neighbours.as_if_idle", lambda took_s: took_s / 3)
    begun = time.monotonic()
    with pytest.raises(AssertionError):
        wait_for("what never comes", never, 0.02)
    assert time.monotonic() - begun > 0.06
    assert wait_for("what is there", lambda: "it") == "it"
