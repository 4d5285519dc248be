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
from display.commands import CommandQueue
from tests.processes.neighbours import wait_for


def both_taken(commands: CommandQueue, control: Socket, counters: Counters) -> list[CommandIssued]:
    """Return the two commands that compose receives."""
    found: list[CommandIssued] = []

    def came() -> bool:
        commands.flush()
        found.extend(receive(control, CommandIssued, counters))
        return len(found) >= 2

    wait_for("both commands", came, 5)
    return found


def test_a_command_is_kept_until_compose_is_there_and_sent_once(run_dir: Path) -> None:
    """A key pressed while compose restarted, or before the sockets were connected, was lost."""
    open_run_dir(run_dir)
    counters = Counters(logging.getLogger("test"))
    with open_context() as context:
        commands = CommandQueue(connect(context, CONTROL, run_dir), counters)
        commands.add(5, SetPrivacy(False), SelectSubject(2))
        commands.flush()
        found = both_taken(commands, bind(context, CONTROL, run_dir), counters)
        assert [(w.epoch, w.command) for w in found] == [(5, SetPrivacy(False)), (5, SelectSubject(2))]
        assert not str(counters)


def test_an_old_command_that_nobody_takes_is_dropped_and_counted(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_run_dir(run_dir)
    monkeypatch.setattr(module, "MAX_AGE_S", 0.0)
    counters = Counters(logging.getLogger("test"))
    with open_context() as context:
        commands = CommandQueue(connect(context, CONTROL, run_dir), counters)
        commands.add(5, SetPrivacy(False))
        commands.flush()
    assert "nobody takes it" in str(counters)


def test_a_command_is_sent_with_a_time_of_composes_clock(run_dir: Path) -> None:
    """The page of a display that watches a relay used the display's own clock, so compose refused every command."""
    open_run_dir(run_dir)
    counters, ahead_ns = Counters(logging.getLogger("test")), 3_600_000_000_000
    with open_context() as context:
        commands = CommandQueue(connect(context, CONTROL, run_dir), counters, lambda: time.monotonic_ns() + ahead_ns)
        issued_ns = time.monotonic_ns() - 200_000_000
        commands.add(5, SetPrivacy(True))
        commands.add_issued(CommandIssued(6, issued_ns, SetPrivacy(True)))
        found = both_taken(commands, bind(context, CONTROL, run_dir), counters)
    asked, made = found
    assert (asked.epoch, made.epoch) == (5, 6)
    assert 0 <= asked.issued_ns - ahead_ns - issued_ns < 10**10
    assert abs(made.issued_ns - ahead_ns - issued_ns) < 10_000_000
