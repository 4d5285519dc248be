from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests import pace
from tests.background import Background
from tests.pace import WORK, as_if_idle, slowdown
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


class Spinning(Background):
    """Holds the interpreter's lock as often as it can."""

    def run(self) -> None:
        """See Background."""
        while not self.stopping.is_set():
            continue


def test_threads_of_the_tests_own_process_make_no_machine_slower() -> None:
    with ExitStack() as spinning:
        for _ in range(8):
            spinning.enter_context(Spinning())
        said: list[float] = []
        exec(WORK, {"print": said.append})  # the negative control: measured in this process, they do
        assert min(slowdown() for _ in range(3)) < said[0] / 2


def test_a_limit_grows_with_the_slowdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "slowdown", lambda: 1.5)
    assert as_if_idle(3.0) == pytest.approx(2.0)
    assert as_if_idle(0.9) == 0.9


def test_an_idle_machine_earns_no_more_time_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "WORK", "print(0.5)")
    assert slowdown() == 1.0


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
