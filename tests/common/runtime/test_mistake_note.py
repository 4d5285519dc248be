from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime import mistake_note
from common.runtime.mistake_note import MistakeNote

RECORD = logging.makeLogRecord({})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default run folder."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(mistake_note, "SETTLE_S", 0.0)
    return tmp_path / "onlyme"


@pytest.fixture
def other_honcho() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "100"]) as process:
        yield process
        process.kill()


def test_the_first_stage_says_its_mistake_and_the_others_fall_silent() -> None:
    first, second, silent = (MistakeNote(os.getpid()) for _ in range(3))
    assert all(note.filter(RECORD) for note in (first, second, silent))
    assert (first.claim(), second.claim()) == (True, False)
    assert [note.filter(RECORD) for note in (first, second, silent)] == [True, False, False]


def test_another_call_says_its_own_mistake(other_honcho: subprocess.Popen[bytes]) -> None:
    ours, theirs = MistakeNote(os.getpid()), MistakeNote(other_honcho.pid)
    assert ours.claim()
    assert theirs.filter(RECORD)
    assert theirs.claim()


def test_the_notes_of_calls_that_have_ended_are_removed(folder: Path, other_honcho: subprocess.Popen[bytes]) -> None:
    MistakeNote(other_honcho.pid).claim()
    other_honcho.kill()
    other_honcho.wait()
    MistakeNote(os.getpid()).claim()
    assert [note.name.split("-")[1] for note in folder.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize("name", ["mistake-", "mistake-1", "mistake-1-2-3", "mistake-notes.txt"])
def test_a_file_that_is_only_named_like_a_note_keeps_no_mistake_from_being_said(folder: Path, name: str) -> None:
    folder.mkdir(mode=0o700)
    (folder / name).touch()
    assert MistakeNote(os.getpid()).claim()
    assert [note.name.split("-")[1] for note in folder.iterdir()] == [str(os.getpid())]


def test_a_stage_that_was_started_by_hand_leaves_no_note(folder: Path) -> None:
    notes = [MistakeNote(None) for _ in range(2)]
    assert all(note.claim() and note.filter(RECORD) for note in notes)
    assert not folder.exists()


def test_where_no_note_can_be_left_the_mistake_is_said_all_the_same(folder: Path) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)  # others could write a note there
    notes = [MistakeNote(os.getpid()) for _ in range(2)]
    assert all(note.claim() and note.filter(RECORD) for note in notes)
    assert list(folder.iterdir()) == []


@pytest.mark.root
def test_a_note_of_another_user_silences_nobody(folder: Path) -> None:
    MistakeNote(os.getpid()).claim()
    (note,) = folder.iterdir()
    os.chown(note, 65534, 65534)
    assert MistakeNote(os.getpid()).filter(RECORD)
