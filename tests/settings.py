"""Reads settings as a stage does, without this machine's environment and `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from common.settings.base import Settings
from common.settings.loader import read_settings

S = TypeVar("S", bound=Settings)


def read(
    kind: type[S],
    *argv: str,
    env: dict[str, str] | None = None,
    dotenv: Path = Path("none"),
    saved: Path = Path("none"),
) -> S:
    """Read settings from flags, from variables, and from files that by default are not there."""
    return read_settings(kind, "test", argv, env or {}, dotenv, saved_path=saved)
