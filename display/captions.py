"""Writes text into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2

from common.ipc.messages import FrameComposed
from common.vision.arrays import BgrImage

FONT = cv2.FONT_HERSHEY_SIMPLEX
RED_BGR, AMBER_BGR, BLUE_BGR = (0, 0, 200), (0, 180, 255), (140, 70, 20)
WHITE_BGR, BLACK_BGR = (255, 255, 255), (0, 0, 0)


class Bar(NamedTuple):
    """A line of text on a coloured bar across the whole picture; colours are BGR."""

    text: str
    ground: tuple[int, int, int]
    ink: tuple[int, int, int] = WHITE_BGR


def bars_of(message: FrameComposed) -> list[Bar]:
    """Return the bars that the user must not overlook: more than one person is shown, or the call asks a question."""
    bars = []
    if not message.privacy:
        bars.append(Bar("PRIVACY IS OFF: others see the room", RED_BGR))
    elif message.shows_everybody:
        bars.append(Bar("EVERYBODY IS SHOWN: press a to show one person", AMBER_BGR, BLACK_BGR))
    if message.question:
        bars.append(Bar(message.question, BLUE_BGR))
    return bars


def write_bars(picture: BgrImage, bars: Sequence[Bar]) -> int:
    """Write bars across the top of (H, W, 3) uint8 BGR, in smaller letters where the text would not fit.

    Returns:
        How many rows of pixels the bars take.
    """
    scale = max(picture.shape[0] / 720, 0.5)
    step = round(40 * scale)
    for number, bar in enumerate(bars):
        ground = picture[number * step : (number + 1) * step]
        ground[:] = bar.ground
        wide = cv2.getTextSize(bar.text, FONT, 0.8 * scale, 2)[0][0] + round(20 * scale)
        size = 0.8 * scale * min(1.0, picture.shape[1] / wide)
        at = (round(10 * scale), number * step + round(28 * scale))
        cv2.putText(picture, bar.text, at, FONT, size, bar.ink, max(1, round(2 * scale)), cv2.LINE_AA)
    rows: int = min(step * len(bars), picture.shape[0])
    return rows


def write_caption(picture: BgrImage, lines: list[str]) -> None:
    """Write lines into the upper left corner of (H, W, 3) uint8 BGR, on a darkened ground, in letters so small that all fits."""
    scale = max(picture.shape[0] / 720, 0.5)
    wide, high = _extent(lines, scale)
    if wide > picture.shape[1] or high > picture.shape[0]:
        scale *= min(picture.shape[1] / wide, picture.shape[0] / high)
        wide, high = _extent(lines, scale)
    step = round(26 * scale)
    ground = picture[:high, :wide]
    ground[:] = ground // 4
    for number, line in enumerate(lines, 1):
        at = (round(10 * scale), round(number * step))
        cv2.putText(picture, line, at, FONT, 0.6 * scale, (255, 255, 255), 1, cv2.LINE_AA)


def _extent(lines: Sequence[str], scale: float) -> tuple[int, int]:
    """Return the width and height of a caption with its margins, pixels."""
    wide = max(cv2.getTextSize(line, FONT, 0.6 * scale, 1)[0][0] for line in lines)
    return wide + round(20 * scale), round(26 * scale) * len(lines) + round(10 * scale)
