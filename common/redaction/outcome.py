"""What a redaction is given, tells on its way, and returns.

`from onlyme import redact` of an installed copy loads this module where `common` is on no path: it imports the standard
library only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_MISTAKE = 2
EXIT_LOOK = 3  # the output is whole, and a person should look at it
EXIT_INTERRUPTED = 130  # of a shell for SIGINT


class Options(TypedDict, total=False):
    """Settings of a redaction, as the flags of `onlyme redact` have them; None or nothing: the environment's, else the default.

    docs/recordings.md and `onlyme redact --help` say what each does.
    """

    subject: str | None
    at: str | float | None
    point: str | tuple[float, float] | None
    background: str | None
    look_every: int | None
    mask_rcnn: str | Path | None
    codec: str | None
    quality: int | str | None
    sound: str | None
    metadata: str | None
    confidence: float | None
    threshold: float | None
    infer_width: int | None
    proposals: int | None
    detections: int | None
    device: str | None
    return_: str | None
    keep: str | tuple[str, ...] | None
    kernel: int | None
    edge: str | None
    refine: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one redaction is.

    Attributes:
        source: The file that is read.
        frames: Frames written so far.
        expected: Frames that the container announces, 0 where it does not say; it may be wrong.
        seconds: Since the start.
    """

    source: Path
    frames: int
    expected: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Redaction:
    """A whole output.

    Attributes:
        out: The film.
        report: The report beside it, an HTML file.
        frames: Frames of the film, as many as of the source.
        shown: Frames in which somebody is shown.
        hidden: Frames in which everybody is hidden; with `shown` all of them.
        doubts: Moments at which a person should look, of one frame or several in a row.
        needs_look: Whether a person should look: somebody could not be judged, or there are doubts.
        seconds: How long it took.
        source_sha256: Of the source's bytes.
        key: Of the source, the model, the version and every setting: the same key gives the same film.
    """

    out: Path
    report: Path
    frames: int
    shown: int
    hidden: int
    doubts: int
    needs_look: bool
    seconds: float
    source_sha256: str
    key: str

    @property
    def code(self) -> int:
        """The exit code that stands for it."""
        return EXIT_LOOK if self.needs_look else EXIT_OK

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        return {**asdict(self), "out": str(self.out), "report": str(self.report)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Redaction:
        """Return what `as_dict` wrote; other fields are ignored."""
        ours = {each.name: fields[each.name] for each in dataclasses.fields(cls)}
        return cls(**{**ours, "out": Path(ours["out"]), "report": Path(ours["report"])})


Watch = Callable[[Progress], None]
