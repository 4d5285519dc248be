"""Reads and writes the settings that the page saves for the next call: a small TOML file among the user's own files.

Only what the picture looks like may be saved. Privacy off, who the subject is, a recording and a token never are: each call begins
hidden, and with nothing that somebody chose for another call.
"""

from __future__ import annotations

import json
import math
import os
import stat
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from common.errors import ConfigError
from common.runtime.private_files import make_folder, write_private
from common.runtime.user_folder import user_folder
from common.settings.base import Settings

SAVED = ("hide", "follow", "feather", "margin", "blur", "background")
HEAD = (
    "# Written by the page of onlyme, which keeps no comments. The environment, .env and flags come before this file.\n"
)
MAX_BYTES = 64_000  # of the file: a path of a background is the longest that it may hold
Value = str | bool | int | float
S = TypeVar("S", bound=Settings)


def saved_file() -> Path:
    """Return the file of saved settings; it may not exist."""
    return user_folder() / "settings.toml"


def read_saved(path: Path, checks: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Return the saved settings as a stage takes them, {} where there is no file.

    Args:
        path: See `saved_file`.
        checks: Validator of each setting in SAVED, by name.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or holds something else than such settings.
    """
    found = {}
    for name, value in _table(path).items():
        if name not in checks:
            raise ConfigError(f"{path}: expected {', '.join(SAVED)}, got {name!r:.80}; {_MEND}")
        try:
            found[name] = checks[name](_text(value))
        except ValueError as error:
            raise ConfigError(f"{path}: {name}: expected {error}, got {value!r:.80}; {_MEND}") from None
    return found


def save(path: Path, values: Mapping[str, Value]) -> None:
    """Write settings beside those that are saved already. A reader finds the old file or the new one, never a part.

    Raises:
        ConfigError: A setting may not be saved, or the file cannot be read or written.
    """
    if unknown := values.keys() - set(SAVED):
        raise ConfigError(f"{path}: {', '.join(sorted(unknown))} may not be saved")
    table = {**_table(path), **values}
    for name, value in table.items():  # which somebody may have edited since the call began
        if name not in SAVED or not isinstance(value, Value) or not _is_finite(value):
            raise ConfigError(f"{path}: expected {', '.join(SAVED)}, each with its value, got {name!r:.80}; {_MEND}")
    lines = [f"{name} = {_toml(value)}\n" for name, value in sorted(table.items())]
    try:
        make_folder(path.parent)
        write_private(path, (HEAD + "".join(lines)).encode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def forget(path: Path) -> None:
    """Remove the saved settings.

    Raises:
        ConfigError: They cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be removed ({error.strerror})") from None


def without_saved(settings: S, fixed: Collection[str]) -> S:
    """Return settings as they would be had the page saved nothing.

    Args:
        settings: As the stage has them.
        fixed: Names of those that a flag, the environment or `.env` sets.
    """
    defaults: dict[str, Any] = {item.name: item.default for item in fields(settings)}
    return replace(settings, **{name: defaults[name] for name in SAVED if name not in fixed})


_MEND = "mend or remove the file"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_bytes(path).decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: expected a file that you may read, got: {error.strerror}; {_MEND}") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # no TOML, no UTF-8, a number of thousands of digits, nested too deeply
        raise ConfigError(f"{path}: expected TOML, got: {' '.join(str(error).split()):.120}; {_MEND}") from None


def _bytes(path: Path) -> bytes:
    """Return what a file holds. What is no file, such as a pipe, must not keep the call waiting."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
        content = (
            os.read(fd, MAX_BYTES + 1) if kind in (stat.S_IFREG, stat.S_IFDIR) else None
        )  # a folder says that it is one
    finally:
        os.close(fd)
    if content is None or len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: expected a file of at most {MAX_BYTES} bytes, got something else; {_MEND}")
    return content


def _is_finite(value: Value) -> bool:
    try:
        return isinstance(value, str) or math.isfinite(value)
    except OverflowError:  # a number of hundreds of digits
        return False


def _toml(value: Value) -> str:
    """Return a value as TOML. Its strings are those of JSON, but no letter may be written as two halves, and DEL not as itself."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _text(value: object) -> str:
    """Return a value of TOML as a user writes it in `.env`; a list or a table is refused by every validator."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
