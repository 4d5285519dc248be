"""Validators: each turns the text of a setting into its value, or raises ValueError with what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path


def int_range(low: int, high: int) -> Callable[[str], int]:
    """Return a validator for a whole number low..high."""

    def check(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"a whole number {low}..{high}")
        return value

    return check


def float_range(low: float, high: float) -> Callable[[str], float]:
    """Return a validator for a number low..high."""

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:  # also false for NaN
            raise ValueError(f"a number {low:g}..{high:g}")
        return value

    return check


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a validator for one of the given words."""

    def check(text: str) -> str:
        if text not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return text

    return check


def boolean(text: str) -> bool:
    """Return True for yes and False for no."""
    return one_of("yes", "no")(text) == "yes"


def nonempty(text: str) -> str:
    """Return any text that is not empty."""
    if not text:
        raise ValueError("some text")
    return text


def utf8(text: str) -> str:
    """Return any text whose bytes are UTF-8. OpenCV ends the process at the name of a file that is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a name in UTF-8; rename it") from None
    return text


def path(text: str) -> Path:
    """Return a path; `~` is the home folder."""
    if not text:
        raise ValueError("a path")
    try:
        return Path(utf8(text)).expanduser()
    except RuntimeError:  # no such user, or this user has no entry in passwd and HOME is not set
        raise ValueError("a path whose home folder is known") from None


def tcp_address(text: str) -> str:
    """Return an address tcp://HOST:PORT, or "" as it is."""
    found = re.fullmatch(r"tcp://(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})", text)
    if text and (not found or not 1 <= int(found[2]) <= 65535):
        raise ValueError("tcp://HOST:PORT")
    return text
