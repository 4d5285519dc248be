"""The file of results: what is written comes back, and nothing else is taken for a result."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import AlreadyRunningError, ConfigError
from common.ipc.messages import MasksInferred
from common.ipc.records import DetectorKind, FrameInfo, Instance
from common.redaction import results
from common.redaction.results import ResultsFile, key_in, model_in

KEY = "0" * 64
FRAME = FrameInfo(7, 3, 1_000_000_000_123, 3, "onlyme-x", 5, 720, 1280)
PERSON = Instance(0, 0.1 + 0.2, (1 / 3, 0.0, 2 / 3, 1.0), 3, 4, bytes(range(12)))
SIGN = Instance(0, 0.25, (0.0, 0.0, 0.125, 1.0), 1, 2, b"\x00\xff", is_sign=True)
RESULT = MasksInferred(
    7,
    3,
    1_000_000_000_123,
    62_000_000,
    "infer.2",
    "a Mask R-CNN",
    (PERSON, SIGN),
    0,
    60_000_000,
    DetectorKind.MASK_RCNN,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "call.results.jsonl"
    ResultsFile.create(path, KEY, "0.2.0")
    return path


def frame(number: int) -> FrameInfo:
    return replace(FRAME, frame_id=number, source_index=number)


def result(number: int) -> MasksInferred:
    return replace(RESULT, frame_id=number)


def test_a_result_comes_back_to_the_bit(path: Path) -> None:
    with ResultsFile(path, writes=True) as file:
        file.add(RESULT)
        assert file.result_of(FRAME) == RESULT
    with ResultsFile(path) as file:
        assert file.result_of(FRAME) == RESULT
        assert file.known == {3}
        assert file.result_of(frame(4)) is None
    assert (key_in(path), model_in(path)) == (KEY, RESULT.model)


def test_a_result_takes_the_epoch_and_time_of_the_frame_that_asks(path: Path) -> None:
    again = replace(FRAME, epoch=99, captured_ns=5)
    with ResultsFile(path, writes=True) as file:
        file.add(RESULT)
        assert file.result_of(again) == replace(RESULT, epoch=99, captured_ns=5)


def test_a_result_without_anybody_is_a_result(path: Path) -> None:
    nobody = replace(RESULT, instances=())
    with ResultsFile(path, writes=True) as file:
        file.add(nobody)
        assert file.result_of(FRAME) == nobody


def test_the_first_result_of_a_frame_stays(path: Path) -> None:
    with ResultsFile(path, writes=True) as file:
        file.add(result(1))
        size = path.stat().st_size
        file.add(replace(result(1), instances=()))
        assert path.stat().st_size == size
    with ResultsFile(path) as file:
        assert file.result_of(frame(1)) == result(1)


@pytest.mark.parametrize("lost", [1, 2, 40, 170])
def test_a_torn_last_line_is_dropped_and_written_again(path: Path, lost: int) -> None:
    with ResultsFile(path, writes=True) as file:
        for number in range(3):
            file.add(result(number))
    os.truncate(path, path.stat().st_size - lost)
    with ResultsFile(path) as file:
        assert file.known == {0, 1}
    with ResultsFile(path, writes=True) as file:
        assert file.known == {0, 1}
        file.add(result(2))
    with ResultsFile(path) as file:
        assert [file.result_of(frame(number)) for number in range(3)] == [result(number) for number in range(3)]


def test_what_comes_after_a_broken_line_is_dropped(path: Path) -> None:
    with ResultsFile(path, writes=True) as file:
        file.add(result(0))
    with path.open("ab") as torn:
        torn.write(b"\0\0\0\n" + results._line_of(result(1)))
    with ResultsFile(path, writes=True) as file:
        assert file.known == {0}
        file.add(result(2))
    with ResultsFile(path) as file:
        assert file.known == {0, 2}


@pytest.mark.parametrize(
    "content", ["\n", "a text\n", "[1]\n", '{"key": 1}\n', '{"key": "' + KEY + '"}\n', '{"onlyme": "0.2.0"}\n']
)  # fmt: skip
def test_a_file_without_a_header_is_refused_in_one_line_and_kept(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    for writes in (False, True):
        with pytest.raises(ConfigError, match=r"^--results: expected a file that onlyme redact made, got .*$"):
            ResultsFile(path, writes=writes)
    for read in (key_in, model_in):
        with pytest.raises(ConfigError):
            read(path)
    assert path.read_text() == content


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        ResultsFile(tmp_path / "none")
    assert key_in(tmp_path / "none") is None


def test_an_empty_file_is_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / "new").touch()
    assert key_in(tmp_path / "new") is None
    ResultsFile.create(tmp_path / "new", KEY, "0.2.0")
    assert (key_in(tmp_path / "new"), model_in(tmp_path / "new")) == (KEY, None)
    with (tmp_path / "new").open("ab") as file:
        file.write(results._line_of(RESULT)[:-1])
    assert model_in(tmp_path / "new") is None, "the line is torn"


def test_a_line_that_is_no_result_is_refused_when_it_is_asked_for(path: Path) -> None:
    row = json.loads(results._line_of(RESULT))
    row["instances"][0]["probability"] = "AAAA"
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    with ResultsFile(path) as known, pytest.raises(ConfigError, match="broken result of frame 3"):
        known.result_of(FRAME)


def test_only_its_owner_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ResultsFile.create(tmp_path / "new", KEY, "0.2.0")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        ResultsFile.create(tmp_path / "new", KEY, "0.2.0")


def test_two_writers_refuse_each_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "PATIENCE_S", 0.0)
    with ResultsFile(path, writes=True):
        with pytest.raises(AlreadyRunningError, match="only one that writes"):
            ResultsFile(path, writes=True)
        with ResultsFile(path) as reader:
            assert reader.known == set()
    with ResultsFile(path, writes=True):
        pass  # the lock went with the file
