"""The sink that is a window, through OpenCV, with a caption and keys."""

from __future__ import annotations

import cv2
import numpy as np

from common.ipc.messages import FrameComposed
from common.ipc.records import Command, DetectorKind, SelectSubjectAt
from common.vision.arrays import BgrImage
from display.captions import bars_of, write_bars, write_caption
from display.meter import Meter, describe
from display.mirror import is_mirrored
from display.sinks.keyboard import key_of
from display.sinks.sink import SinkEvents
from display.sinks.window_keys import HELP, HINT, MIRROR_HINT, command_of
from display.sinks.window_place import fit, place
from display.sinks.work_area import work_area

TITLE = "onlyme"


class WindowSink:
    """Shows composites in a window that fits the screen, and takes commands from keys and clicks.

    window_keys.py lists the keys; h or ? writes that list into the window. A click selects a person. Closing the window quits.

    Args:
        mirrors: The viewer is in front of the camera, and sees the picture as in a mirror.
    """

    local = True
    is_watched = True  # it cannot tell whether it lies below others

    def __init__(self, *, mirrors: bool) -> None:
        self._mirrors = mirrors
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._size_wh = (640, 360)  # of the picture
        self._sized = False
        self._caption, self._help = True, False
        self._seen: FrameComposed | None = None  # None over a card
        self._mirrored = False
        self._why = "waiting for a picture"
        self._clicks: list[Command] = []
        self.blank(self._why)
        cv2.setMouseCallback(TITLE, self._click)
        cv2.pollKey()

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._seen, self._mirrored = message, self._mirrors and is_mirrored(message)
        self._size_wh = (message.frame.width, message.frame.height)
        if not self._sized:
            self._sized = True
            self._fit_screen()
        if self._mirrored:  # before the texts, which are read as they are
            picture = cv2.flip(picture, 1)
        below = picture[write_bars(picture, bars_of(message)) :]
        if (self._caption or self._help) and below.size:
            write_caption(below, self._lines(message, meter))
        cv2.imshow(TITLE, picture)

    def blank(self, why: str) -> None:
        """See Sink."""
        self._seen, self._why = None, why
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why, *(HELP if self._help else ["h help   q quit"])])
        cv2.imshow(TITLE, card)

    def poll(self) -> SinkEvents:
        """See Sink."""
        events = self._press(key_of(cv2.pollKey()))
        clicks, self._clicks = self._clicks, []
        return events._replace(commands=(*events.commands, *clicks)) if self._is_open() else SinkEvents(quit=True)

    def close(self) -> None:
        """See Sink."""
        cv2.destroyAllWindows()

    def _fit_screen(self) -> None:
        """Give the window the size of the picture, or the largest that the screen has room for, and keep it on the screen."""
        area = work_area()
        size = fit(*self._size_wh, area)
        cv2.resizeWindow(TITLE, *size)
        if area is not None:
            left, top, _, _ = cv2.getWindowImageRect(TITLE)
            cv2.moveWindow(TITLE, *place(left, top, *size, area))

    def _lines(self, message: FrameComposed, meter: Meter) -> list[str]:
        """Return the list of keys where it was asked for, else the caption."""
        if self._help:
            return [*HELP, *([MIRROR_HINT] if self._mirrored else [])]
        model = [message.model] if message.detector is DetectorKind.EMBEDDED else []
        return [describe(message, meter.read()), *model, HINT]

    def _is_open(self) -> bool:
        try:
            return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # Qt has ended with its last window
            return False

    def _click(self, event: int, x: int, y: int, flags: int, data: object) -> None:
        """Take a click at a pixel of the picture, whatever the size of the window."""
        width, height = self._size_wh
        if event == cv2.EVENT_LBUTTONDOWN and 0 <= x < width and 0 <= y < height:
            self._clicks.append(SelectSubjectAt((width - 1 - x if self._mirrored else x) / width, y / height))

    def _press(self, key: str) -> SinkEvents:
        if key == "q":
            return SinkEvents(quit=True)
        if key == "i":
            self._caption = not self._caption
        if key in ("h", "?"):
            self._help = not self._help
            if self._seen is None:  # no picture comes that would show it
                self.blank(self._why)
        command = command_of(key, self._seen, mirrored=self._mirrored)
        return SinkEvents(commands=(command,) if command else ())
