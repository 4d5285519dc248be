from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from common.redaction.judgements import read_judgements
from tests.common.redaction.judged import HEADER, hidden, line_of, write_judgements

BOX = [0.1, 0.2, 0.3, 0.4]


def test_every_frame_lasts_until_the_next_and_the_last_as_long_as_the_one_before(tmp_path: Path) -> None:
    lines = [line_of(0, -0.5), hidden(1, "nobody is found", time_s=0.0), line_of(2, 2.0, others=[BOX], doubt="look")]
    found = list(read_judgements(write_judgements(tmp_path / "j", lines)))
    assert [(each.time_s, each.end_s) for each in found] == [(-0.5, 0.0), (0.0, 2.0), (2.0, 4.0)]
    assert [(each.state, each.reason, each.is_shown) for each in found] == [
        ("live", "", True),
        ("hidden", "nobody is found", False),
        ("live", "", True),
    ]
    assert found[2].others == ((0.1, 0.2, 0.3, 0.4),) and found[2].doubt == "look" and found[1].subject is None


def test_a_recording_of_one_frame_is_read(tmp_path: Path) -> None:
    (found,) = read_judgements(write_judgements(tmp_path / "j", [line_of(0)]))
    assert (found.time_s, found.end_s) == (0.0, 0.0)


def test_a_box_is_cut_at_the_edges_of_the_picture(tmp_path: Path) -> None:
    lines = [line_of(0, subject=[-0.5, 0.5, 0.5, 1.5], others=[[0.5, 0.5, 0.25, 0.25]])]
    (found,) = read_judgements(write_judgements(tmp_path / "j", lines))
    assert found.subject == (0.0, 0.5, 0.5, 1.0)
    assert found.others == ((0.5, 0.5, 0.5, 0.5),), "a box that is inside out is empty"


def test_frames_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = write_judgements(tmp_path / "j", [line_of(0), line_of(1), line_of(7)])
    frames = read_judgements(path)
    assert next(frames).number == 0, "before the broken line is read"
    with pytest.raises(UserError):
        list(frames)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": 2}, "expected the judgement of frame 1, got"),
        ({"time_s": 0.0}, "time_s: expected more than 0.0, got 0.0"),
        ({"time_s": float("nan")}, "time_s: expected a finite number, got nan"),
        ({"time_s": "1"}, "time_s: expected a finite number, got '1'"),
        ({"time_s": True}, "time_s: expected a finite number, got True"),
        ({"state": "off"}, "state: expected one of live, everybody, starting, hidden, lost, got 'off'"),
        ({"state": []}, "state: expected one of"),
        ({"reason": None}, "reason: expected a text, got None"),
        ({"doubt": 1}, "doubt: expected a text, got 1"),
        ({"subject": [0, 0, 1]}, "subject: expected [x0, y0, x1, y1], got [0, 0, 1]"),
        ({"others": None}, "others: expected boxes, got None"),
        ({"others": [[0, 0, 1, "a"]]}, "others: expected a finite number, got 'a'"),
    ],
)
def test_a_broken_line_is_one_clear_error(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write_judgements(tmp_path / "j", [line_of(0), line_of(1) | changes])
    with pytest.raises(UserError) as raised:
        list(read_judgements(path))
    text = str(raised.value)
    assert text.startswith(f"{path}, line 3: {said}") and text.endswith("; redact the recording again")
    assert "\n" not in text and len(text) < 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: expected a header with \"onlyme\", got None"),
        (b"[1]\n", "line 1: expected a header with \"onlyme\", got [1]"),
        (json.dumps(HEADER).encode(), "line 1: expected at least one frame, got none"),
        (json.dumps(HEADER).encode() + b'\n{"number": 0, "ti', "line 2: "),
        (json.dumps(HEADER).encode() + b"\n\xff\xfe\n", ": 'utf-8' codec"),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_one_clear_error(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        list(read_judgements(path))
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got a file that cannot be read"):
        list(read_judgements(tmp_path / "missing"))
