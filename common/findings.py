"""What a check of this machine found: one line of `python -m common.doctor`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # a call runs, with less
    FAIL = "FAIL"  # a call cannot run


class Finding(NamedTuple):
    """Result of one check.

    Attributes:
        what: What was checked, a word or two.
        level: How much it matters.
        found: What was found.
        hint: What the user can do about it, "" for nothing.
    """

    what: str
    level: Level
    found: str
    hint: str = ""
