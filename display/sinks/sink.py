"""The interface of a sink, and what sinks share."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from common.ipc.messages import Command, CommandIssued, FrameComposed
from display.composite_reader import Picture
from display.meter import Meter


class Wish(NamedTuple):
    """What the viewer asked for since it was asked last.

    Attributes:
        quit: To end.
        asked: What compose is to be told of the picture that is shown now.
        made: The same, by viewers who saw a picture some time ago and say of which stream it was.
    """

    quit: bool = False
    asked: tuple[Command, ...] = ()
    made: tuple[CommandIssued, ...] = ()


class Sink(Protocol):
    """Somewhere a composite goes."""

    local: bool  # only whoever sits here sees it: the instance view may be shown

    def show(self, picture: Picture, message: FrameComposed, meter: Meter) -> None:
        """Take one picture, (H, W, 3) uint8 BGR, the sink's own until it returns."""

    def blank(self, why: str) -> None:
        """No picture came for a while: whatever is still shown must go."""

    def poll(self) -> Wish:
        """What the viewer wants; asked between pictures, often."""

    def close(self) -> None:
        """Finish."""


class UnattendedSink:
    """What sinks have in common that nobody sits in front of."""

    local = False

    def poll(self) -> Wish:
        """See Sink."""
        return Wish()

    def close(self) -> None:
        """See Sink."""
