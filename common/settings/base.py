"""How a setting is declared, and the settings that every stage has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from common.errors import ConfigError
from common.runtime.environment import runtime_folder
from common.settings.validators import one_of, path

PREFIX = "ONLYME_"


class Replacement(NamedTuple):
    """The setting that took the place of one that earlier versions had.

    Attributes:
        name: Its name.
        values: What it can be, for the message.
    """

    name: str
    values: str


def setting(
    default: Any,
    check: Callable[[str], Any],
    text: str,
    *,
    short: str = "",
    switch: bool = False,
    is_secret: bool = False,
) -> Any:
    """Declare a dataclass field that is also a flag, a variable and a line of `.env`.

    Args:
        default: Value where nobody sets it.
        check: Validator: turns the user's text into the value, and raises ValueError with what was expected.
        text: Help, without "%", which argparse would expand.
        short: One-letter flag, such as "-k".
        switch: The flag without a value means "yes".
        is_secret: A value that is refused is not repeated in the message, since logs are read by others.
    """
    metadata = {"check": check, "help": text, "short": short, "switch": switch, "is_secret": is_secret}
    return field(default=default, metadata=metadata)


def flag_of(name: str) -> str:
    """Return the flag of a field: `some_name` → `--some-name`; `return_` → `--return`."""
    return "--" + name.rstrip("_").replace("_", "-")


def variable_of(name: str) -> str:
    """Return the variable of a field: `some_name` → `ONLYME_SOME_NAME`; `return_` → `ONLYME_RETURN`."""
    return PREFIX + name.rstrip("_").upper()


@dataclass(frozen=True)
class Settings:
    """What every stage takes."""

    replaced: ClassVar[Mapping[str, Replacement]] = {}  # names of settings that earlier versions had

    run_dir: Path | None = setting(
        None,
        path,
        "folder of this call's sockets and locks, which nobody else may write to; one call per folder (default: onlyme "
        "in the user's runtime folder, else onlyme-UID in the temporary folder)",
    )
    log_level: str = setting(
        "info",
        one_of("debug", "info", "warning", "error"),
        "least important messages that are logged on standard error",
    )

    @property
    def call_dir(self) -> Path:
        """The run folder: `run_dir` if it is set, else the default.

        Raises:
            ConfigError: There is no default, because no temporary folder can be written.
        """
        if self.run_dir is not None:
            return self.run_dir
        if home := runtime_folder():
            return Path(home) / "onlyme"
        try:
            return Path(tempfile.gettempdir()) / f"onlyme-{os.getuid()}"
        except FileNotFoundError:
            raise ConfigError(
                "--run-dir: expected a temporary folder that can be written, got none; set ONLYME_RUN_DIR"
            ) from None
