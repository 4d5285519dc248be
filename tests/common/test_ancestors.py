from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from common import identity
from common.ancestors import NOBODY, ancestors, are_there
from common.identity import command_of, group_of, is_running, parent_of, start_ticks, stat_fields
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

    monkeypatch.setattr(identity, "open", ended, raising=False)
    assert stat_fields(os.getpid()) is None
    assert not is_running(os.getpid(), 0)


def test_those_above_are_taken_for_there_while_nobody_can_tell() -> None:
    """A flood of connections took all descriptors of a display, which then ended the call: "honcho is gone"."""
    with no_descriptor_left():
        assert are_there([(os.getpid(), os.getppid()), (os.getppid(), NOBODY)])


def test_the_negative_control_with_descriptors_the_same_are_gone() -> None:
    assert not are_there([(os.getpid(), os.getppid()), (os.getppid(), NOBODY)])


def test_started_by_hand_there_is_nobody_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONCHO_PROCESS_NAME", raising=False)
    assert ancestors() == []
    assert are_there([])
