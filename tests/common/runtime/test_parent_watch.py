from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.runtime import parent_watch as module
from common.runtime.parent_watch import NO_PROCESS, all_alive, find_ancestors
from common.runtime.procinfo import (
    command_of,
    group_of,
    has_broken_output,
    is_running,
    parent_of,
    start_time,
)
from tests.conftest import no_descriptor_left
from tests.processes.neighbours import wait_for

NO_SUCH_PROCESS = 2**22 + 1  # beyond the largest pid there can be


READERS: list[Callable[[int], object]] = [start_time, parent_of, command_of]


@pytest.mark.parametrize("ask", [*READERS, group_of])
def test_a_pid_that_no_process_has_is_gone(ask: Callable[[int], object]) -> None:
    assert ask(NO_SUCH_PROCESS) is None
    assert ask(os.getpid()) is not None


@pytest.mark.parametrize("ask", READERS)
def test_a_process_is_not_called_gone_while_proc_cannot_be_read(ask: Callable[[int], object]) -> None:
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        ask(os.getpid())


def test_a_process_that_ends_between_opening_and_reading_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise OSError(errno.ESRCH, "No such process")  # Python makes a ProcessLookupError of it

    started = start_time(os.getpid())
    assert started is not None and is_running(os.getpid(), started), "the negative control"
    monkeypatch.setattr(Path, "read_bytes", ended)
    assert start_time(os.getpid()) is None
    assert not is_running(os.getpid(), started)


def test_a_pid_that_was_given_to_another_process_does_not_run_any_more() -> None:
    started = start_time(os.getpid())
    assert started is not None
    assert not is_running(os.getpid(), started - 1)


def test_a_zombie_does_not_run_any_more() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        started = start_time(process.pid)
        assert started is not None and is_running(process.pid, started)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert start_time(process.pid) == started, "its entry is still there"
        assert not is_running(process.pid, started)


def test_a_program_may_have_any_name() -> None:
    """The kernel shows the name between other fields: brackets and bytes that are no text must not hide those."""
    code = "import ctypes; ctypes.CDLL(None).prctl(15, bytes([41, 32, 255])); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = start_time(process.pid)
        assert parent_of(process.pid) == os.getpid()
        assert started is not None and is_running(process.pid, started)
        process.kill()


def test_the_parent_of_a_process_and_its_command_line_are_known() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert parent_of(process.pid) == os.getpid()
        wait_for("its program to be loaded", lambda: command_of(process.pid) == ["sleep", "60"])
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert (parent_of(process.pid), command_of(process.pid)) == (os.getpid(), None), "a zombie has no command line"


def test_ancestors_count_as_alive_while_proc_cannot_be_read() -> None:
    """A flood of connections took all descriptors of a display, which then ended the call: "honcho is gone"."""
    with no_descriptor_left():
        assert all_alive([(os.getpid(), os.getppid()), (os.getppid(), NO_PROCESS)])


def test_the_negative_control_the_same_ancestors_are_gone_once_proc_can_be_read() -> None:
    assert not all_alive([(os.getpid(), os.getppid()), (os.getppid(), NO_PROCESS)])


@pytest.mark.parametrize("output", ["read", "closed", "a file"])
def test_a_process_whose_output_nobody_reads_is_found(output: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        other = subprocess.Popen(["sleep", "60"], stdout=file if output == "a file" else subprocess.PIPE)
    if output == "closed":
        assert other.stdout is not None
        other.stdout.close()
    assert has_broken_output(other.pid) is (output == "closed")
    other.kill()
    other.communicate() if output == "read" else other.wait()
    assert not has_broken_output(other.pid)


# pid: (parent, process group, command line)
FORKED = {10: (5, 9, "honcho"), 20: (10, 9, "honcho"), 5: (1, 5, "bash"), 1: (0, 1, "init")}
SPAWNED = {**FORKED, 20: (10, 9, "python,-c,from multiprocessing.spawn import spawn_main; …")}
SERVED = {
    **FORKED,
    15: (10, 9, "python,-c,from multiprocessing.forkserver import main; …"),
    20: (15, 9, "python,-c,from multiprocessing.forkserver import main; …"),
}
ME = os.getpid()


@pytest.mark.parametrize(
    ("there", "above"),
    [
        (FORKED, [(20, 10)]),
        (SPAWNED, [(20, 10)]),
        (SERVED, [(20, 15), (15, 10)]),
        # honcho ended before: process 1 has taken its orphans in
        ({**FORKED, 20: (1, *FORKED[20][1:])}, [(20, NO_PROCESS)]),
        ({**SPAWNED, 20: (1, *SPAWNED[20][1:])}, [(20, NO_PROCESS)]),
        ({**SERVED, 15: (1, *SERVED[15][1:])}, [(20, 15), (15, NO_PROCESS)]),
        ({**SERVED, 20: (1, *SERVED[20][1:])}, [(20, NO_PROCESS)]),
        ({}, [(20, NO_PROCESS)]),
    ],
    ids=["fork", "spawn", "forkserver", *(f"{m}, honcho gone" for m in ("fork", "spawn", "forkserver")),
         "forkserver gone", "runner gone"],
)  # fmt: skip
def test_honcho_is_found_whatever_its_multiprocessing_starts_runners_with(
    there: dict[int, tuple[int, int, str]], above: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    none = (None, None, "")
    monkeypatch.setenv("HONCHO_PROCESS_NAME", "capture.1")
    monkeypatch.setattr(os, "getppid", lambda: 20)
    monkeypatch.setattr(module, "parent_of", lambda pid: there.get(pid, none)[0])
    monkeypatch.setattr(module, "group_of", lambda pid: there.get(pid, none)[1])
    monkeypatch.setattr(module, "command_of", lambda pid: there.get(pid, none)[2].split(",") if pid in there else None)
    assert find_ancestors() == [(ME, 20), *above]


def test_started_by_hand_there_is_nobody_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONCHO_PROCESS_NAME", raising=False)
    assert find_ancestors() == []
    assert all_alive([])
