"""Reads the settings in a `.env`: one `NAME=value` a line.

The value is all that stands after the `=`, so blanks, #, quotes and apostrophes in it are kept. Only blanks around it, and one
pair of quotes around all of it, are taken off. A line that starts with # is a comment. Lines of other programs are ignored.

Libraries that read such files cut a value at a #, expand $ and \\, or drop a line with a single quote without an error. A
setting that is dropped or cut may show what the user wanted hidden.
"""

from __future__ import annotations

import re
from pathlib import Path

from common.errors import ConfigError
from common.settings.base import PREFIX

LINE = re.compile(rf"[ \t]*(?:export[ \t]+)?({PREFIX}\w*)[ \t]*(=?)[ \t]*(.*?)[ \t\r]*")


def read_dotenv(path: Path) -> dict[str, str]:
    """Return our variables in a `.env`, {} where there is no such file. Of a name that comes twice the last line counts.

    Raises:
        ConfigError: The file cannot be read, is no UTF-8 text, or a line that begins as ours holds no "=".
    """
    try:
        # names of files may hold bytes that are no UTF-8
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError):  # some keep a virtual environment in a folder .env
        return {}
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a file that you may read, got: {error.strerror}; mend or remove it"
        ) from None
    if "\0" in text:
        raise ConfigError(f"{path}: expected text in UTF-8, got something else; save it in UTF-8")
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if match := LINE.fullmatch(line):
            name, equals, value = match.groups()
            if not equals:  # the line is not repeated: it may hold a secret
                raise ConfigError(f"{path}: expected {name}=value in line {number}, got no =; mend the line")
            found[name] = _without_quotes(value)
    return found


def _without_quotes(value: str) -> str:
    """Return a value without the pair of quotes around all of it."""
    is_quoted = len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0]
    return value[1:-1] if is_quoted else value
