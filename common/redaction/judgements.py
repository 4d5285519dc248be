"""Reads what compose judged of every frame of a recording: a file of JSON lines, a header and then one line a frame."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of the picture's width and height

SHOWN = ("live", "everybody")  # states in which somebody is sharp
HIDDEN = ("starting", "hidden", "lost")  # states in which nobody is


class Judgement(NamedTuple):
    """What was judged of one frame.

    number: Of the frame, from 0.
    time_s: When it is shown, by the recording's own time stamps; later than the frame before.
    end_s: When the next one is shown. The last frame lasts as long as the one before it.
    state: One of SHOWN or HIDDEN.
    reason: Why nobody is shown, "" if somebody is.
    subject: Who stays sharp; None where nobody does or everybody does.
    others: Everybody else who was found.
    doubt: What a person should check, "" for nothing.
    """

    number: int
    time_s: float
    end_s: float
    state: str
    reason: str
    subject: Box | None
    others: tuple[Box, ...]
    doubt: str

    @property
    def is_shown(self) -> bool:
        """Whether somebody is sharp in this frame."""
        return self.state in SHOWN


def read_judgements(path: Path) -> Iterator[Judgement]:
    """Yield the judgement of every frame in order, holding one frame in memory.

    Raises:
        UserError: The file cannot be read, holds no frame, or a line is not what compose writes. The text names the line.
    """
    before: Judgement | None = None
    line = 1
    try:
        with path.open(encoding="utf-8") as file:
            _check_header(json.loads(next(file, "null")))
            for line, text in enumerate(file, 2):
                now = _parsed(json.loads(text), line - 2)
                if before is not None:
                    if now.time_s <= before.time_s:
                        raise ValueError(f"time_s: expected more than {before.time_s}, got {now.time_s}")
                    before = before._replace(end_s=now.time_s)
                    yield before
                    now = now._replace(end_s=2 * now.time_s - before.time_s)
                before = now
        if before is None:
            raise ValueError("expected at least one frame, got none")
    except OSError as error:
        raise UserError(
            f"{path}: expected the judgements of a recording, got a file that cannot be read ({error.strerror})"
        ) from None
    except ValueError as error:  # also of JSON and of UTF-8
        raise UserError(f"{path}, line {line}: {error}; redact the recording again") from None
    yield before


def _check_header(header: object) -> None:
    if not isinstance(header, dict) or "onlyme" not in header:
        raise ValueError(f'expected a header with "onlyme", got {_short(header)}')


def _parsed(line: object, number: int) -> Judgement:
    """Return the judgement in a line, as if its frame took no time.

    Raises:
        ValueError: A field is missing or is not what it should be.
    """
    if not isinstance(line, dict) or line.get("number") != number:
        raise ValueError(f"expected the judgement of frame {number}, got {_short(line)}")
    time_s, state, others = _number("time_s", line.get("time_s")), line.get("state"), line.get("others")
    if state not in SHOWN and state not in HIDDEN:
        raise ValueError(f"state: expected one of {', '.join((*SHOWN, *HIDDEN))}, got {_short(state)}")
    if not isinstance(others, list):
        raise ValueError(f"others: expected boxes, got {_short(others)}")
    texts = {name: line.get(name) for name in ("reason", "doubt")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{name}: expected a text, got {_short(text)}")
    subject = None if line.get("subject") is None else _box("subject", line["subject"])
    boxes = tuple(_box("others", box) for box in others)
    reason, doubt = str(texts["reason"]), str(texts["doubt"])
    return Judgement(number, time_s, time_s, str(state), reason, subject, boxes, doubt)


def _box(name: str, value: object) -> Box:
    """Return a box, cut at the picture's edges.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"{name}: expected [x0, y0, x1, y1], got {_short(value)}")
    x0, y0, x1, y1 = (min(1.0, max(0.0, _number(name, each))) for each in value)
    return x0, y0, max(x0, x1), max(y0, y1)


def _number(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {_short(value)}")
    return float(value)


def _short(value: object) -> str:
    return f"{value!r:.80}"
