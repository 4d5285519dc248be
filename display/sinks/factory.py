"""Choose and open the sink that the settings name. Sinks do not import this module."""

from __future__ import annotations

import logging
from collections.abc import Callable

from common.errors import DisplayError
from common.settings.recording import EVERY
from display.screen import PATIENCE_S, window_unavailable_reason
from display.settings import DisplaySettings
from display.sinks.sink import Sink

LOCAL = ("auto", "window", "record")  # sinks that only the user of this machine sees

log = logging.getLogger("onlyme")


def open_sink(settings: DisplaySettings, patience_s: float = PATIENCE_S) -> Sink:
    """Open the sink that `--sink` names; `auto` is the window if there is a screen that answers within `patience_s`, else the page.

    Raises:
        DisplayError: The sink cannot be opened here, or may not show the instance view.
    """
    why = window_unavailable_reason(patience_s) if settings.sink in ("auto", "window") else ""
    if settings.sink == "window" and why:
        raise DisplayError(f"--sink window: {why}; use --sink web or headless")
    if settings.view == "instances" and (settings.sink not in LOCAL or why):
        raise DisplayError(
            "--view instances: it shows the camera's own picture, expected --sink window or record, "
            f"got {settings.sink}{': ' + why if why else ''}"
        )
    if why:
        log.info("the page in the browser is used instead of a window: %s", why)
    chosen = ("web" if why else "window") if settings.sink == "auto" else settings.sink
    return MAKERS[chosen](settings)


# Each function imports its sink when it is chosen: some need packages that others do without.


def _window(settings: DisplaySettings) -> Sink:
    from display.sinks.window import WindowSink

    return WindowSink(mirrors=not settings.connect)  # else somebody else is in front of the camera


def _web(settings: DisplaySettings) -> Sink:
    from display.sinks.web import WebSink

    return WebSink(settings, fallback_to_any_port=settings.sink == "auto")


def _camera(settings: DisplaySettings) -> Sink:
    from display.sinks.camera import CameraSink

    return CameraSink(settings)


def _pipewire(settings: DisplaySettings) -> Sink:
    from display.sinks.camera import CameraSink
    from display.sinks.pipewire import PipeWireDevice

    return CameraSink(settings, lambda width, height, fps, _: PipeWireDevice(width, height, fps, settings.camera_name))


def _video(settings: DisplaySettings) -> Sink:
    if settings.pace == EVERY:
        from display.sinks.film import FilmSink

        return FilmSink(settings)
    from display.sinks.video import VideoSink

    return VideoSink(settings)


def _record(settings: DisplaySettings) -> Sink:
    from display.sinks.recording import RecordSink

    return RecordSink(settings.out, settings.images)


def _status(settings: DisplaySettings) -> Sink:
    from display.sinks.status import StatusSink

    return StatusSink(settings)


def _headless(settings: DisplaySettings) -> Sink:
    from display.sinks.headless import HeadlessSink

    return HeadlessSink(settings.status_every)


MAKERS: dict[str, Callable[[DisplaySettings], Sink]] = {
    "window": _window,
    "web": _web,
    "camera": _camera,
    "pipewire": _pipewire,
    "video": _video,
    "record": _record,
    "status": _status,
    "headless": _headless,
}
