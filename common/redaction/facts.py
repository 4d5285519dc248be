"""What the report of a redaction says besides the judgements of its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """How an output was made.

    Attributes:
        source_name: Name of the source file, without its folder.
        source_sha256: Of the source's bytes, 64 hexadecimal digits.
        out_name: Name of the output file, without its folder.
        model: Name of the networks that found the people, "" where no frame was looked at.
        version: Of onlyme.
        settings: Name → value of everything that decides what is shown, as the user writes it.
        seconds: How long the run took that finished the output.
        workers: Processes that looked for people.
    """

    source_name: str
    source_sha256: str
    out_name: str
    model: str
    version: str
    settings: Mapping[str, str]
    seconds: float
    workers: int
