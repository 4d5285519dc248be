"""Reads what the user named by a path: whatever fails becomes one line that names the setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError


@contextmanager
def readable(setting: str, path: Path, kind: type[UserError]) -> Iterator[None]:
    """Raise an error of `kind` in place of an OSError: a path that may not be read, or whose name is too long.

    Args:
        setting: Flag that names the path, such as "--source".
        path: The path.
        kind: Class of the error.
    """
    try:
        yield
    except OSError as error:
        raise kind(
            f"{setting}: expected a path that can be read, got {path} ({error.strerror}); check it, and who may read it"
        ) from None
