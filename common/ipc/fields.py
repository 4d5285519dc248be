"""Checks of message fields, which stand in the types of the fields.

Each raises MessageError with the field's name, what was expected and what it got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sized
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, get_type_hints

from common.errors import MessageError

MAX_INT = 2**63 - 1
MAX_TEXT = 200  # characters


def printable(text: str) -> str:
    """Return `text` as a message may hold it: no longer than MAX_TEXT, "?" for every character that cannot be printed.

    Names of files and texts of errors come from elsewhere. The code that puts one into a message cleans it with this.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_TEXT])


def int_range(name: str, value: object, low: int = 0, high: int = MAX_INT) -> None:
    """Check an int in `low` .. `high`, both included; a bool is no int."""
    if type(value) is not int or not low <= value <= high:
        raise MessageError(f"{name}: expected a whole number {low}..{high}, got {value!r:.80}")


def float_range(name: str, value: object, low: float, high: float) -> None:
    """Check a finite float in `low` .. `high`, both included; an int is no float."""
    if type(value) is not float or not math.isfinite(value) or not low <= value <= high:
        raise MessageError(f"{name}: expected a number {low}..{high}, got {value!r:.80}")


def text(name: str, value: object) -> None:
    """Check a printable text of at most MAX_TEXT characters."""
    # a character that cannot be printed could command the terminal in which somebody reads a log
    if type(value) is not str or len(value) > MAX_TEXT or not value.isprintable():
        raise MessageError(f"{name}: expected printable text of at most {MAX_TEXT} characters, got {value!r:.80}")


def boolean(name: str, value: object) -> None:
    """Check a bool."""
    if type(value) is not bool:
        raise MessageError(f"{name}: expected true or false, got {value!r:.80}")


def one_of(name: str, value: object, allowed: Collection[str]) -> None:
    """Check that a text is one of those allowed."""
    if value not in allowed:
        raise MessageError(f"{name}: expected one of {', '.join(allowed)}, got {value!r:.80}")


def at_most(name: str, value: Sized, length: int) -> None:
    """Check the length of a tuple."""
    if len(value) > length:
        raise MessageError(f"{name}: expected at most {length}, got {len(value)}")


def instance_of(name: str, value: object, kind: type) -> None:
    """Check that a value is of its class."""
    if not isinstance(value, kind):
        raise MessageError(f"{name}: expected {getattr(kind, '__name__', kind)}, got {value!r:.80}")


Count = Annotated[int, int_range]
Text = Annotated[str, text]
Flag = Annotated[bool, boolean]


class Checked:
    """A dataclass that checks its fields when it is made.

    The type of a field says how: `Annotated[type, check, arguments...]`. A field without a check must be of its class.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            MessageError: One is malformed.
        """
        for name, check, arguments in _checks_of(type(self)):  # type: ignore[arg-type] # a class can be hashed
            check(name, getattr(self, name), *arguments)


@cache
def _checks_of(kind: type[Any]) -> list[tuple[str, Callable[..., None], list[Any]]]:
    """Return name, check and further arguments of the check, for each field of a dataclass."""
    hints, checks = get_type_hints(kind, include_extras=True), []
    for field in fields(kind):
        check, *arguments = getattr(hints[field.name], "__metadata__", (instance_of, hints[field.name]))
        checks.append((field.name, check, arguments))
    return checks
