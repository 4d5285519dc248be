"""What a sink is, the one that shows nothing, and the choice among them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from common.errors import DisplayError
from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.screen import window_unavailable_reason
from display.settings import DisplaySettings

LOCAL = ("auto", "window", "record")  # where only whoever sits here sees it

log = logging.getLogger("onlyme")


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

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
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


class HeadlessSink(UnattendedSink):
    """Shows nothing and says every few seconds how the call goes."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at = time.monotonic()
        self._is_blank = False

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._is_blank = False
        now = time.monotonic()
        if meter.shown == 1:
            log.info("first composite: %d x %d, %s", message.frame.width, message.frame.height, message.state)
        if now >= self._next_at and meter.shown > 1:
            self._next_at = now + self._every_s
            log.info("%s, %d missed%s", describe(message, meter.read()), meter.missed,
                     f", {message.model}" if message.model else "")  # fmt: skip

    def blank(self, why: str) -> None:
        """See Sink."""
        if not self._is_blank:
            self._is_blank = True
            log.warning("%s", why)


def open_sink(settings: DisplaySettings) -> Sink:
    """The sink that `--sink` names.

    Raises:
        DisplayError: It cannot be opened here.
    """
    why = window_unavailable_reason() if settings.sink in ("auto", "window") else ""
    if settings.sink == "window" and why:
        raise DisplayError(f"--sink window: {why}; use --sink web or headless")
    if settings.view == "instances" and (settings.sink not in LOCAL or why):
        raise DisplayError(
            "--view instances: it shows the camera's own picture, expected --sink window or record, "
            f"got {settings.sink}{': ' + why if why else ''}"
        )
    if why:
        log.info("no window: %s", why)
    chosen = ("web" if why else "window") if settings.sink == "auto" else settings.sink
    return MAKERS[chosen](settings)


# only the chosen sink's needs are loaded


def _window(settings: DisplaySettings) -> Sink:
    from display.sinks.window import WindowSink

    return WindowSink()


def _web(settings: DisplaySettings) -> Sink:
    from display.sinks.web import WebSink

    return WebSink(settings, else_any_port=settings.sink == "auto")


def _camera(settings: DisplaySettings) -> Sink:
    from display.sinks.camera import CameraSink

    return CameraSink(settings)


def _video(settings: DisplaySettings) -> Sink:
    from display.sinks.video import VideoSink

    return VideoSink(settings)


def _record(settings: DisplaySettings) -> Sink:
    from display.sinks.recording import RecordSink

    return RecordSink(settings.out, settings.images)


def _status(settings: DisplaySettings) -> Sink:
    from display.sinks.status import StatusSink

    return StatusSink(settings)


def _headless(settings: DisplaySettings) -> Sink:
    return HeadlessSink(settings.status_every)


MAKERS: dict[str, Callable[[DisplaySettings], Sink]] = {
    "window": _window,
    "web": _web,
    "camera": _camera,
    "video": _video,
    "record": _record,
    "status": _status,
    "headless": _headless,
}
