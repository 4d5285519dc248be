"""The manifest of a folder of outputs: which source became which output, so that a second run does what is missing.

It has one JSON object a line, and of a source the last one counts. A line says that a source was begun, or what became of it.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from common.readable import readable
from common.redaction.key import output_key, sha256_of
from common.redaction.outcome import EXIT_LOOK, EXIT_OK
from common.redaction.settings import Texts

NAME = "onlyme-manifest.jsonl"
WHOLE, BEGUN = (EXIT_OK, EXIT_LOOK), -1  # codes of a row
OF_EVERY = {"source", "out", "code"}  # what every row holds, and that of a whole output
OF_WHOLE = {*OF_EVERY, "size", "mtime_ns", "out_size", "source_sha256", "key"}


class Manifest:
    """The manifest of one folder of outputs.

    Args:
        folder: The folder; there may be no manifest in it yet.

    Raises:
        ConfigError: It cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / NAME
        self._rows: dict[str, dict[str, Any]] = {}
        with readable("--out", self.path, ConfigError):
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        for line in lines:
            if (row := _row_of(line)) is not None:
                self._rows[row["source"]] = row

    def is_ours(self, source: Path, out: Path) -> bool:
        """Return whether an output that is there was made from this source, and may be replaced.

        That is so too where the process that made it was killed before it could write that down.
        """
        row = self._rows.get(str(source.absolute()))
        if row is None or row["out"] != str(out.absolute()) or not out.is_file():
            return False
        return row["code"] == BEGUN or (row["code"] in WHOLE and out.stat().st_size == row["out_size"])

    def is_done(self, source: Path, out: Path, settings: Texts) -> bool:
        """Return whether the output is there that these settings give for the source as it is now.

        A source is hashed only if its size or time has changed. One that cannot be read is not done: redacting it says why.
        """
        row = self._rows.get(str(source.absolute()))
        if row is None or row["code"] not in WHOLE or not self.is_ours(source, out):
            return False
        try:
            status = source.stat()
            is_untouched = (row["size"], row["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
            digest = row["source_sha256"] if is_untouched else sha256_of(source)
        except OSError:
            return False
        return bool(row["key"] == output_key(digest, settings))

    def begin(self, source: Path, out: Path) -> None:
        """Write down that a source is begun whose output is not there yet, or may be replaced.

        Raises:
            ConfigError: It cannot be written.
        """
        self.add({"source": str(source.absolute()), "out": str(out.absolute()), "code": BEGUN})

    def add(self, row: dict[str, Any]) -> None:
        """Write what became of a source.

        Raises:
            ConfigError: It cannot be written.
        """
        self._rows[row["source"]] = row
        try:
            self._append(json.dumps(row).encode())
        except OSError as error:
            raise ConfigError(
                f"--out: cannot write {self.path} ({error.strerror}); make room there, or name another folder"
            ) from None

    def _append(self, line: bytes) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # another run may write to the same folder
            size = os.fstat(fd).st_size
            begin = b"\n" if size and os.pread(fd, 1, size - 1) != b"\n" else b""  # behind a torn line
            os.write(fd, begin + line + b"\n")
        finally:
            os.close(fd)


def _row_of(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None where it says nothing, as the end of one that a killed process wrote."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    needed = OF_WHOLE if isinstance(row, dict) and row.get("code") in WHOLE else OF_EVERY
    return row if isinstance(row, dict) and needed <= row.keys() else None
