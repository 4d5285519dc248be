from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from common.runtime import parent_watch as module
from common.runtime.parent_watch import NOBODY, ancestors, are_there
from common.runtime.procinfo import (
    command_of,
    group_of,
    is_running,
    parent_of,
    start_ticks,
    stat_fields,
    writes_to_nobody,
)
from tests.conftest import no_descriptor_left

NO_SUCH_PROCESS = 2**22 + 1  # beyond the largest pid there can be


LOOKS: list[Callable[[int], object]] = [stat_fields, start_ticks, parent_of, group_of, command_of]


@pytest.mark.parametrize("look", LOOKS)
def test_who_is_not_there_is_gone(look: Callable[[int], object]) -> None:
    assert look(NO_SUCH_PROCESS) is None
    assert look(os.getpid()) is not None


@pytest.mark.parametrize("look", LOOKS)
def test_where_nobody_can_tell_nobody_is_called_gone(look: Callable[[int], object]) -> None:
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        look(os.getpid())


def test_a_process_that_ends_between_opening_and_reading_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise OSError(errno.ESRCH, "No such process")  # Python makes a ProcessLookupError of it

    monkeypatch.setattr(Path, "read_text", ended)
    assert stat_fields(os.getpid()) is None
    assert not is_running(os.getpid(), 0)


def test_those_above_are_taken_for_there_while_nobody_can_tell() -> None:
    """A flood of connections took all descriptors of a display, which then ended the call: "honcho is gone"."""
    with no_descriptor_left():
        assert are_there([(os.getpid(), os.getppid()), (os.getppid(), NOBODY)])


def test_the_negative_control_with_descriptors_the_same_are_gone() -> None:
    assert not are_there([(os.getpid(), os.getppid()), (os.getppid(), NOBODY)])


@pytest.mark.parametrize("output", ["read", "closed", "a file"])
def test_a_process_whose_output_nobody_reads_is_known(output: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        other = subprocess.Popen(["sleep", "60"], stdout=file if output == "a file" else subprocess.PIPE)
    if output == "closed":
        assert other.stdout is not None
        other.stdout.close()
    assert writes_to_nobody(other.pid) is (output == "closed")
    other.kill()
    other.communicate() if output == "read" else other.wait()
    assert not writes_to_nobody(other.pid)


# pid: (parent, process group, command line)
FORKED = {10: (5, 9, "honcho"), 20: (10, 9, "honcho"), 5: (1, 5, "bash"), 1: (0, 1, "init")}
SPAWNED = {**FORKED, 20: (10, 9, "python -c from multiprocessing.spawn import spawn_main; …")}
SERVED = {
    **FORKED,
    15: (10, 9, "python -c from multiprocessing.forkserver import main; …"),
    20: (15, 9, "python -c from multiprocessing.forkserver import main; …"),
}
ME = os.getpid()


@pytest.mark.parametrize(
    ("there", "above"),
    [
        (FORKED, [(20, 10)]),
        (SPAWNED, [(20, 10)]),
        (SERVED, [(20, 15), (15, 10)]),
        # honcho ended before: process 1 has taken its orphans in
        ({**FORKED, 20: (1, *FORKED[20][1:])}, [(20, NOBODY)]),
        ({**SPAWNED, 20: (1, *SPAWNED[20][1:])}, [(20, NOBODY)]),
        ({**SERVED, 15: (1, *SERVED[15][1:])}, [(20, 15), (15, NOBODY)]),
        ({**SERVED, 20: (1, *SERVED[20][1:])}, [(20, NOBODY)]),
        ({}, [(20, NOBODY)]),
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
    monkeypatch.setattr(module, "command_of", lambda pid: there.get(pid, none)[2].encode() or None)
    assert ancestors() == [(ME, 20), *above]


def test_started_by_hand_there_is_nobody_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONCHO_PROCESS_NAME", raising=False)
    assert ancestors() == []
    assert are_there([])
