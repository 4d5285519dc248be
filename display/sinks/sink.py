"""The interface of a sink, and what sinks share."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command
from common.vision.arrays import BgrImage
from display.meter import Meter


class SinkEvents(NamedTuple):
    """What viewers did since the sink was polled last.

    Attributes:
        quit: Whether the display must end.
        commands: Commands for the picture that is shown now, given now.
        issued: Commands that state themselves for which epoch, and when, they were given.
    """

    quit: bool = False
    commands: tuple[Command, ...] = ()
    issued: tuple[CommandIssued, ...] = ()


class Sink(Protocol):
    """Shows or stores composites."""

    @property
    def local(self) -> bool:
        """Whether only the user of this machine sees the sink, so that it may show the instance view."""

    @property
    def is_watched(self) -> bool:
        """Whether anybody looks now, or pictures are kept: with `--on-demand` the camera is on only then.

        Raises:
            DisplayError: The sink cannot go on.
        """

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """Show one picture.

        Args:
            picture: (H, W, 3) uint8 BGR. The sink may draw on it, but must copy what it needs after it returns.
            message: What compose says of the picture.
            meter: Rate and delay up to this picture.

        Raises:
            DisplayError: The sink cannot go on.
        """

    def blank(self, why: str) -> None:
        """Replace the last picture by a card that says why there is none."""

    def poll(self) -> SinkEvents:
        """Return what viewers did since the last call. The display calls this between pictures, every few milliseconds."""

    def close(self) -> None:
        """Finish what was begun and release everything."""


class UnattendedSink:
    """Base of sinks that take no commands."""

    local = False

    @property
    def is_watched(self) -> bool:
        """See Sink. A recorder keeps the camera on."""
        return True

    def poll(self) -> SinkEvents:
        """See Sink."""
        return SinkEvents()

    def close(self) -> None:
        """See Sink."""


def one_line(error: Exception) -> str:
    """Return the kind and the text of an error of a library, which may have many lines."""
    return " ".join(f"{type(error).__name__}: {error}".split())
