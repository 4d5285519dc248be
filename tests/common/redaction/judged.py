"""Judgements as compose writes them, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common.redaction.facts import Facts
from common.redaction.judgements import Judgement

HEADER = {"onlyme": "0.2.0", "width": 64, "height": 48}
SUBJECT = [0.25, 0.25, 0.75, 1.0]
FACTS = Facts(
    source_name="call.mov",
    source_sha256="ab" * 32,
    out_name="film.mp4",
    model="people, faces",
    version="0.2.0",
    settings={"subject": "lock", "background": "blur"},
    seconds=12.5,
    workers=2,
)


def line_of(number: int, time_s: float | None = None, **changes: Any) -> dict[str, Any]:
    """One line, of a frame that shows the subject; 10 frames a second."""
    line = {
        "number": number,
        "time_s": number / 10 if time_s is None else time_s,
        "state": "live",
        "reason": "",
        "look": True,
        "subject": SUBJECT,
        "others": [],
        "doubt": "",
    }
    return line | changes


def hidden(number: int, reason: str, **changes: Any) -> dict[str, Any]:
    """One line, of a frame that is hidden."""
    return line_of(number, state="hidden", reason=reason, subject=None, **changes)


def write_judgements(path: Path, lines: Iterable[Mapping[str, Any]], header: object = HEADER) -> Path:
    """Write the file. Returns its path."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in (header, *lines))
    return path


def judgement(begin_s: float, end_s: float, state: str = "live", reason: str = "", doubt: str = "") -> Judgement:
    """What is read of a line."""
    return Judgement(0, begin_s, end_s, state, reason, None, (), doubt)
