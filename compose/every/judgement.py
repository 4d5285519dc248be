"""What was decided about each frame of a recording, and the file that says so (`--judgements`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from common.errors import ConfigError
from common.runtime.install import version

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in 0..1 of the picture, half-open


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one frame.

    number: Of the frame, from 0.
    time_s: Its own time stamp.
    state, reason: Those of the decision (compose/policy.py).
    look: Whether a worker looked at the frame.
    subject: Where the subject is, None where nobody stays sharp.
    others: Where everybody else is.
    doubt: A sentence where a person should look at the composite, else "".
    """

    number: int
    time_s: float
    state: str
    reason: str
    look: bool
    subject: Box | None = None
    others: tuple[Box, ...] = ()
    doubt: str = ""


class JudgementsFile:
    """Writes one line of JSON a frame, after a header. A file of that name is replaced.

    Args:
        path: Of the file, None to write none.

    Raises:
        ConfigError: It cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            # line by line, so that a reader finds all that was written also where this process is killed
            self._file = None if path is None else path.open("w", buffering=1, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"--judgements: expected a file that can be written, got {path} ({error.strerror}); name another"
            ) from None
        self._has_header = False

    def add(self, judgement: Judgement, width: int, height: int, model: str) -> None:
        """Write the judgement of the next frame.

        Args:
            judgement: Of the frame.
            width: Of the picture, pixels; for the header.
            height: The same.
            model: Name of the networks that found the people; for the header.

        Raises:
            OSError: It cannot be written, as on a full disk.
        """
        if self._file is None:
            return
        if not self._has_header:
            self._write({"onlyme": version(), "width": width, "height": height, "model": model})
            self._has_header = True
        self._write(asdict(judgement))

    def _write(self, row: dict[str, object]) -> None:
        print(json.dumps(row, separators=(",", ":")), file=self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
