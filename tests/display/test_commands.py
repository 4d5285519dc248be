from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from common.ipc.messages import CommandIssued
from common.ipc.records import SelectSubject, SetPrivacy
from common.ipc.streams import CONTROL, Socket, bind, connect, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from display import commands as module
from display.commands import Wishes
from tests.processes.neighbours import wait_for


def both_taken(wishes: Wishes, control: Socket, counters: Counters) -> list[CommandIssued]:
    """What compose takes, once it is there and two wishes have come."""
    found: list[CommandIssued] = []

    def came() -> bool:
        wishes.pass_on()
        found.extend(receive(control, CommandIssued, counters))
        return len(found) >= 2

    wait_for("both wishes", came, 5)
    return found


def test_a_wish_is_kept_until_compose_is_there_and_passed_on_once(run_dir: Path) -> None:
    """A key that was pressed while compose restarted, or before the two had met, was lost."""
    open_run_dir(run_dir)
    counters = Counters(logging.getLogger("test"))
    with open_context() as context:
        wishes = Wishes(connect(context, CONTROL, run_dir), counters)
        wishes.add(5, SetPrivacy(False), SelectSubject(2))
        wishes.pass_on()
        found = both_taken(wishes, bind(context, CONTROL, run_dir), counters)
        assert [(w.epoch, w.command) for w in found] == [(5, SetPrivacy(False)), (5, SelectSubject(2))]
        assert not str(counters)


def test_an_old_wish_is_dropped_and_counted(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_run_dir(run_dir)
    monkeypatch.setattr(module, "KEPT_S", 0.0)
    counters = Counters(logging.getLogger("test"))
    with open_context() as context:
        wishes = Wishes(connect(context, CONTROL, run_dir), counters)
        wishes.add(5, SetPrivacy(False))
        wishes.pass_on()
    assert "nobody takes it" in str(counters)


def test_a_wish_is_passed_on_with_the_time_of_the_machine_that_composes(run_dir: Path) -> None:
    """The page of a display that watches a relay made wishes with the display's own clock, and none was obeyed."""
    open_run_dir(run_dir)
    counters, ahead_ns = Counters(logging.getLogger("test")), 3_600_000_000_000
    with open_context() as context:
        wishes = Wishes(connect(context, CONTROL, run_dir), counters, lambda: time.monotonic_ns() + ahead_ns)
        issued_ns = time.monotonic_ns() - 200_000_000
        wishes.add(5, SetPrivacy(True))
        wishes.put(CommandIssued(6, issued_ns, SetPrivacy(True)))
        found = both_taken(wishes, bind(context, CONTROL, run_dir), counters)
    asked, made = found
    assert (asked.epoch, made.epoch) == (5, 6)
    assert 0 <= asked.issued_ns - ahead_ns - issued_ns < 10**10
    assert abs(made.issued_ns - ahead_ns - issued_ns) < 10_000_000
