from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.runtime.install import version
from compose.every.judgement import Judgement, JudgementsFile


def test_the_file_has_a_header_and_a_line_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    path.write_text("of an earlier run\n")
    with JudgementsFile(path) as file:
        file.add(Judgement(0, 0.0, "live", "", True, (0.1, 0.2, 0.3, 0.4), ((0.5, 0.0, 1.0, 1.0),)), 64, 48, "m")
        file.add(Judgement(1, 0.04, "hidden", "nobody is found", False, doubt="is this the same person?"), 64, 48, "m")
        rows = [json.loads(line) for line in path.read_text().splitlines()]  # before it is closed
    assert rows == [
        {"onlyme": version(), "width": 64, "height": 48, "model": "m"},
        {
            "number": 0, "time_s": 0.0, "state": "live", "reason": "", "look": True, "subject": [0.1, 0.2, 0.3, 0.4],
            "others": [[0.5, 0.0, 1.0, 1.0]], "doubt": "",
        },
        {
            "number": 1, "time_s": 0.04, "state": "hidden", "reason": "nobody is found", "look": False, "subject": None,
            "others": [], "doubt": "is this the same person?",
        },
    ]  # fmt: skip


def test_without_a_name_nothing_is_written() -> None:
    with JudgementsFile(None) as file:
        file.add(Judgement(0, 0.0, "live", "", True), 64, 48, "m")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--judgements: expected a file that can be written"):
        JudgementsFile(tmp_path)
