"""Records the call while its page says so: the composites that the page gets, through the video sink."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.vision.arrays import BgrImage
from display.meter import Meter
from display.settings import DisplaySettings

if TYPE_CHECKING:
    from display.sinks.video import VideoSink


def movie_path(settings: DisplaySettings) -> Path:
    """Return the file that a recording begun now is written to: `--out`, or one in the user's folder of videos.

    Raises:
        DisplayError: The user has no folder.
    """
    if settings.out is not None:
        return settings.out
    try:
        return platformdirs.user_videos_path() / time.strftime("onlyme-%Y-%m-%d-%H%M.mp4")
    except RuntimeError:
        raise DisplayError(
            "--out: expected a file, since this user has no folder of their own, got none; start with --out call.mp4"
        ) from None


class Recorder:
    """Begins and ends recordings. The page's server asks for them, and the display's thread does it with the next picture.

    A recording that fails ends, and the page says why; the call and the page go on.

    Attributes:
        is_on: Whether a recording is wanted.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        self._settings = settings
        self.is_on = False
        self._sink: VideoSink | None = None
        self._last: VideoSink | None = None  # of the recording that the page speaks of
        self._closing: list[threading.Thread] = []
        self._failure = ""

    def want(self, on: bool) -> None:
        """Have a recording begin, or end."""
        if on and not self.is_on:
            self._last, self._failure = self._sink, ""
        self.is_on = on

    @property
    def facts(self) -> dict[str, Any]:
        """What the page says about it: whether a recording is on, its file or the last one's, and why it failed.

        The file is "" before it can be played.
        """
        path = None if self._last is None else self._last.path
        return {"on": self.is_on, "file": str(path or ""), "failure": self._failure}

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """Record one picture, as `Sink.show` describes it, if a recording is wanted."""
        try:
            if self.is_on and self._sink is None:
                from display.sinks.video import VideoSink  # loads FFmpeg, which a call without a recording does without

                self._failure = ""
                self._sink = self._last = VideoSink(replace(self._settings, out=movie_path(self._settings)))
            if not self.is_on:
                self._end()
            elif self._sink is not None:
                self._sink.show(picture, message, meter)
        except DisplayError as error:
            self._fail(error)

    def blank(self, why: str) -> None:
        """Record a card that says why there is no picture, if a recording is wanted."""
        try:
            if not self.is_on:
                self._end()
            elif self._sink is not None:
                self._sink.blank(why)
        except DisplayError as error:
            self._fail(error)

    def close(self) -> None:
        """Finish the recording, and wait for it."""
        self._end()
        for thread in self._closing:
            thread.join()

    def _end(self) -> None:
        """Finish the recording in a thread: the encoder may have seconds of work left, and the page must go on."""
        sink, self._sink = self._sink, None
        if sink is not None:
            thread = threading.Thread(target=self._finish, args=(sink,), name="end of recording")
            thread.start()
            self._closing = [*(one for one in self._closing if one.is_alive()), thread]

    def _finish(self, sink: VideoSink) -> None:
        try:
            sink.close()
        except DisplayError as error:
            if sink is self._last:  # else the page speaks of a later recording
                self._failure = str(error)

    def _fail(self, error: DisplayError) -> None:
        self.is_on = False
        self._end()
        self._failure = str(error)
