"""Reads settings: flags come before the environment, the environment before `.env`, `.env` before what the page has saved for
the next call (common/settings/saved.py), and that before the defaults.

Every flag `--some-name` is `ONLYME_SOME_NAME` in the environment and in `.env`. A stage takes only its own flags. All
stages share one environment, so a stage ignores the variables of the others. A variable that belongs to no stage is
refused: a misspelt privacy setting must not be ignored silently.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import configargparse

from common.errors import ConfigError
from common.runtime.environment import variables
from common.runtime.install import dotenv_file
from common.settings.base import PREFIX, Settings, flag_of, variable_of
from common.settings.dotenv import read_dotenv
from common.settings.recording import EVERY
from common.settings.saved import SAVED, read_saved, saved_file
from common.stages import all_settings

S = TypeVar("S", bound=Settings)


class Read(NamedTuple, Generic[S]):
    """The settings of one stage, and the names of those that a flag, the environment or `.env` sets."""

    settings: S
    fixed: frozenset[str]


def read_settings(kind: type[S], *given: Any, **more: Any) -> S:
    """Return the settings of one stage. The arguments are those of `read_with_origin`."""
    return read_with_origin(kind, *given, **more).settings


def read_with_origin(
    kind: type[S],
    prog: str,
    argv: Sequence[str],
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path | None = None,
    *,
    before_honcho: Mapping[str, str] | None = None,
    saved_path: Path | None = None,
) -> Read[S]:
    """Read the settings of one stage.

    Args:
        kind: Class that declares them.
        prog: How the program is called, for the help.
        argv: Flags, without the program's name.
        environ: Environment; the process's own by default.
        dotenv_path: File of `NAME=value` lines, by default that of `dotenv_file`.
        before_honcho: Environment that honcho was started with; None where honcho did not start this process. honcho reads
            `.env` too, in its own way, and puts what it read over the variables of the user.
        saved_path: What the page has saved, by default `saved_file`. With `--pace every` it is not read: how a live call looks
            must not change what is hidden in a recording.

    Raises:
        ConfigError: Something is unknown, malformed or out of range.
        SystemExit: `--help` was asked for.
    """
    environ = variables() if environ is None else environ
    from_file = read_dotenv(dotenv_file() if dotenv_path is None else dotenv_path)
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    if before_honcho is not None:
        given = {name: value for name, value in given.items() if name not in from_file}
        given |= {name: before_honcho[name] for name in from_file if name in before_honcho}
    merged = {**from_file, **given}
    schemas = all_settings().values()
    _refuse_replaced({*merged, *(flag.partition("=")[0] for flag in argv)}, schemas)
    _refuse_unknown(set(merged), {variable_of(item.name) for schema in schemas for item in fields(schema)})

    parser = configargparse.ArgumentParser(
        prog=prog, description=kind.__doc__, allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.error = _refuse
    for item in fields(kind):
        _add_flag(parser, item)
    values = vars(parser.parse_args(list(argv), env_vars=merged))
    names = [item.name for item in fields(kind)]
    unset = argparse.Namespace(**dict.fromkeys(names, MISSING))
    by_flag = vars(parser.parse_args(list(argv), namespace=unset, env_vars={}))
    fixed = frozenset(name for name in names if by_flag[name] is not MISSING or variable_of(name) in merged)
    checks = {item.name: item.metadata["check"] for item in fields(kind) if item.name in SAVED}
    saved = read_saved(saved_path or saved_file(), checks) if checks and values.get("pace") != EVERY else {}
    chosen = {name: saved[name] if name in saved and name not in fixed else values[name] for name in names}
    return Read(kind(**chosen), fixed)


def _add_flag(parser: Any, item: Field[Any]) -> None:
    meta = item.metadata
    names = [flag_of(item.name), *([meta["short"]] if meta["short"] else [])]
    parser.add_argument(
        *names,
        dest=item.name,
        type=_as_argparse(meta["check"], is_secret=meta["is_secret"]),
        default=None if item.default is MISSING else item.default,
        help=meta["help"],
        metavar=item.name.rstrip("_").upper(),
        env_var=variable_of(item.name),
        **({"nargs": "?", "const": meta["check"]("yes")} if meta["switch"] else {}),
    )


def _as_argparse(check: Callable[[str], Any], *, is_secret: bool) -> Callable[[str], Any]:
    """Return a validator that raises what argparse expects, with the value that was refused unless it is a secret."""

    def convert(text: str) -> Any:
        try:
            return check(text)
        except ValueError as error:
            got = "something else" if is_secret else repr(text)  # what is nearly a token must not be in a log
            raise argparse.ArgumentTypeError(f"expected {error}, got {got}") from None

    return convert


def _refuse(message: str) -> NoReturn:
    """Raise one line; argparse would print the whole usage and exit."""
    said = re.sub(r"(\w+://)\S*@\S*", r"\1...", message)  # no password on a terminal that others may see
    raise ConfigError(f"{said}; see --help")


def _refuse_replaced(given: set[str], schemas: Collection[type[Settings]]) -> None:
    """Refuse settings that earlier versions had, and name what took their place."""
    for old, new in [pair for schema in schemas for pair in schema.replaced.items()]:
        if found := given & {flag_of(old), variable_of(old)}:
            raise ConfigError(
                f"{found.pop()}: expected {flag_of(new.name)} or {variable_of(new.name)}, which replaces it ({new.values}); "
                "give that, or unset it"
            )


def _refuse_unknown(given: set[str], known: set[str]) -> None:
    """Refuse variables that belong to no stage, and name the nearest ones that do."""
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, known, n=3) or ["a setting of .env.example"]
        raise ConfigError(f"{name}: no such setting; expected {' or '.join(near)}; mend or unset it")
