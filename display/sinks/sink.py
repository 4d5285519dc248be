"""The interface of a sink, and what sinks share."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from common.ipc.messages import Command, CommandIssued, FrameComposed
from display.composite_reader import Picture
from display.meter import Meter


class SinkEvents(NamedTuple):
    """What viewers did since the sink was polled last.

    Attributes:
        quit: Whether the display must end.
        commands: Commands for the stream that is shown now, given now.
        issued: Commands that state themselves for which stream, and when, they were given.
    """

    quit: bool = False
    commands: tuple[Command, ...] = ()
    issued: tuple[CommandIssued, ...] = ()


class Sink(Protocol):
    """Somewhere a composite goes."""

    local: bool  # only whoever sits here sees it: the instance view may be shown

    def show(self, picture: Picture, message: FrameComposed, meter: Meter) -> None:
        """Take one picture, (H, W, 3) uint8 BGR, the sink's own until it returns."""

    def blank(self, why: str) -> None:
        """No picture came for a while: whatever is still shown must go."""

    def poll(self) -> SinkEvents:
        """Return what viewers did since the last call. The display calls this between pictures, every few milliseconds."""

    def close(self) -> None:
        """Finish."""


class UnattendedSink:
    """What sinks have in common that nobody sits in front of."""

    local = False

    def poll(self) -> SinkEvents:
        """See Sink."""
        return SinkEvents()

    def close(self) -> None:
        """See Sink."""
