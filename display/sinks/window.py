"""The sink that is a window, through OpenCV, with a caption and keys."""

from __future__ import annotations

import cv2
import numpy as np

from common.ipc.messages import INSTANCES, FrameComposed
from common.ipc.records import Command, DetectorKind, SelectSubject, SelectSubjectAt, SetPrivacy, SetView
from common.vision.arrays import BgrImage
from display.captions import bars_of, write_bars, write_caption
from display.meter import Meter, describe
from display.sinks.keyboard import key_of
from display.sinks.sink import SinkEvents

TITLE = "onlyme"


class WindowSink:
    """Shows composites in a window and takes commands from keys and clicks.

    Keys: p privacy, n the next person, 1 to 9 that person from the left, a everybody, v instance view, i caption, q quit.
    Other keys do nothing. A click selects a person. Closing the window quits.
    """

    local = True
    is_watched = True  # it cannot tell whether it lies below others

    def __init__(self) -> None:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._size_wh = (640, 360)
        self._sized = False
        self._caption = True
        self._hide_only()
        self._clicks: list[Command] = []
        cv2.imshow(TITLE, np.zeros((360, 640, 3), np.uint8))
        cv2.setMouseCallback(TITLE, self._click)
        cv2.pollKey()

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._privacy, self._instances = message.privacy, message.state == INSTANCES
        self._everybody = message.shows_everybody
        self._size_wh = (message.frame.width, message.frame.height)
        if not self._sized:
            self._sized = True
            cv2.resizeWindow(TITLE, message.frame.width, message.frame.height)
        below = picture[write_bars(picture, bars_of(message)) :]
        if self._caption and below.size:
            lines = [
                describe(message, meter.read()),
                "p privacy   n next person   1-9 person from the left   a everybody   v all that is found   i this text   q quit",
            ]
            if message.detector is DetectorKind.EMBEDDED:
                lines.insert(1, message.model)
            write_caption(below, lines)
        cv2.imshow(TITLE, picture)

    def blank(self, why: str) -> None:
        """See Sink."""
        self._hide_only()
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why, "q quit"])
        cv2.imshow(TITLE, card)

    def poll(self) -> SinkEvents:
        """See Sink."""
        events = self._press(key_of(cv2.pollKey()))
        clicks, self._clicks = self._clicks, []
        return events._replace(commands=(*events.commands, *clicks)) if self._is_open() else SinkEvents(quit=True)

    def close(self) -> None:
        """See Sink."""
        cv2.destroyAllWindows()

    def _hide_only(self) -> None:
        """Have the keys only hide until the next picture: the viewer cannot see which one a command would change."""
        self._privacy, self._instances, self._everybody = False, True, True

    def _is_open(self) -> bool:
        try:
            return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # Qt has ended with its last window
            return False

    def _click(self, event: int, x: int, y: int, flags: int, data: object) -> None:
        width, height = self._size_wh
        if event == cv2.EVENT_LBUTTONDOWN and 0 <= x < width and 0 <= y < height:
            self._clicks.append(SelectSubjectAt(x / width, y / height))

    def _press(self, key: str) -> SinkEvents:
        if key == "q":
            return SinkEvents(quit=True)
        if key == "i":
            self._caption = not self._caption
        keys: dict[str, Command] = {
            "p": SetPrivacy(not self._privacy),
            "v": SetView(not self._instances),
            "n": SelectSubject(SelectSubject.NEXT),
            "a": SelectSubject(SelectSubject.ONE if self._everybody else SelectSubject.EVERYBODY),
            **{str(number): SelectSubject(number) for number in range(1, 10)},
        }
        command = keys.get(key)
        return SinkEvents(commands=(command,) if command else ())
