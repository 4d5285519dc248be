"""Crop the picture around the subject, and glide with them. Pure.

The crop is found from head and body, and not from what is as narrow as a hand. It is averaged over a time, so that neither
gestures nor somebody who passes before a shoulder move the picture; whoever walks is followed at once. It is kept until the average
has moved by more than a dead zone, and then glides to its new place like a critically damped spring: it begins and ends softly,
and never overshoots.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.records import SelectSubjectAt
from common.vision.arrays import SoftMask
from compose.picture.alpha import Alpha

STEP = 8  # every eighth row and column is enough to find the subject
SHARP = 127  # of 255: pixels with more are the subject's
LIMB = 0.25  # of the square root of the subject's area: what is narrower is a hand or an arm, and no head
HEAD_ROOM = 0.15  # of the crop's height, above the subject
FILLS = 0.75  # of the crop's height that somebody takes whom the picture does not cut: they are shown from head to foot
# of the crop's width that the body takes, on average over its rows, of somebody whom the picture's lower edge cuts: they are shown
# down to the chest or the waist. The average hardly changes with the arms: by 2 % (standard deviation) while somebody signs
BODY_FILLS = 0.36
# from cut to whole: how far above the lower edge they end, in shares of the height. Between, both sizes are mixed, so none jumps
CUT, UNCUT = 0.06, 0.16
LEAST_SIZE = 0.55  # of the picture: a crop is enlarged 1.8 times at most
# the crop is kept while its middle and its size would move by less, in shares of its size; while it glides the limit is narrower,
# so that it comes to rest near where the subject is, but wider than what breath and gestures move, so that it does come to rest
DEAD_ZONE, RE_AIM = 0.07, 0.035
ARRIVED = 0.015  # so near to where it glides it is at rest
RATE = 3.0  # of the spring, 1/s: half of the way takes 0.56 s
# where the subject is is averaged over so long, while they are nearer to the average than WALKS in shares of the crop's size; the
# farther, the shorter. Somebody who sways by 4 % of the width every 5 s is not chased; whoever walks lags by 0.12 at 0.3 a second
CALM_S, WALKS = 2.0, 0.08
# the crop is enlarged soon, so that nobody is cut, and made smaller only after long: part of the subject may be hidden for a while
WIDER_S, CLOSER_S = 0.5, 10.0
MOST_S = 0.1  # the crop glides no farther in one frame than in so long
HOLD_NS = 3_000_000_000  # the crop stays for so long after nobody is shown, and then glides to the whole picture
REMEMBERED = 128  # composites whose crop is known: longer than a command may be late
WHOLE_ENOUGH = 0.999  # of the picture's size


Box = tuple[float, float, float, float]


class Crop(NamedTuple):
    """The part of a picture that is shown: its middle and its size, in 0..1 of the picture's width and height."""

    x: float
    y: float
    size: float

    def to_frame(self, size_wh: tuple[int, int]) -> NDArray[np.float64]:
        """Return the matrix (2, 3) from pixels of what is shown, which is as large as the frame of `size_wh`, to pixels of the frame.

        It is exact to fractions of a pixel: a crop in whole pixels would tremble while it glides slowly.
        """
        # pixel centres lie at halves
        left, top = (
            (middle - self.size / 2) * side + self.size / 2 - 0.5
            for middle, side in zip((self.x, self.y), size_wh, strict=True)
        )
        return np.array([[self.size, 0, left], [0, self.size, top]])

    def seen(self, box_xyxy: Box) -> Box | tuple[()]:
        """Return where a box of the picture, 0..1, lies in what is shown, 0..1; () where nothing of it does."""
        left, top = self.x - self.size / 2, self.y - self.size / 2
        moved = (
            min(max(0.0, (at - start) / self.size), 1.0) for at, start in zip(box_xyxy, 2 * (left, top), strict=True)
        )
        x0, y0, x1, y1 = moved
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else ()

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole picture."""
        return self.size >= WHOLE_ENOUGH


WHOLE = Crop(0.5, 0.5, 1.0)


def crop_around(who: Alpha, size_wh: tuple[int, int]) -> Crop | None:
    """Return the crop around people: their head a little below its upper edge; None where nothing of head and body is sharp.

    Args:
        who: Their alpha.
        size_wh: Of the frame.
    """
    body = without_limbs(who, size_wh[1])
    found = cv2.boundingRect(body)
    if not found[3]:
        return None
    top, bottom = (who.box_xyxy[1] + STEP * row for row in (found[1], found[1] + found[3]))
    columns = np.cumsum(np.count_nonzero(body, axis=0))
    middle = who.box_xyxy[0] + STEP * int(np.searchsorted(columns, 0.5 * columns[-1]))
    tall = (bottom - top) / size_wh[1] / FILLS
    wide = STEP * STEP * int(np.count_nonzero(body)) / (bottom - top) / size_wh[0] / BODY_FILLS
    whole = float(np.interp(1 - bottom / size_wh[1], (CUT, UNCUT), (0.0, 1.0)))
    size = min(max(min(tall, wide) + whole * max(tall - wide, 0.0), LEAST_SIZE), 1.0)
    y = top / size_wh[1] - HEAD_ROOM * size + size / 2
    return _inside(Crop(middle / size_wh[0], y, size))


def without_limbs(who: Alpha, height: int) -> SoftMask:
    """Return head and body of people, 255 in every `STEP`th row and column of their box; nothing where all of them is narrow.

    Args:
        who: Their alpha.
        height: Of the frame: at its lower edge people are cut, and do not end.
    """
    sharp = np.where(who.opacity[::STEP, ::STEP] > SHARP, 255, 0).astype(np.uint8)
    wide = max(1, round(LIMB * float(np.count_nonzero(sharp)) ** 0.5))
    below = 0 if who.box_xyxy[3] >= height else wide
    padded = cv2.copyMakeBorder(sharp, wide, below, wide, wide, cv2.BORDER_CONSTANT, value=0)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    return np.asarray(opened[wide : wide + sharp.shape[0], wide : wide + sharp.shape[1]], np.uint8)


def _inside(crop: Crop) -> Crop:
    """Return a crop moved to where it lies inside the picture."""
    half = crop.size / 2
    return Crop(min(max(crop.x, half), 1 - half), min(max(crop.y, half), 1 - half), crop.size)


def glide(at: float, speed: float, to: float, seconds: float) -> tuple[float, float]:
    """Return place and speed of a critically damped spring after `seconds`, exactly, whatever the frame rate."""
    away, fades = at - to, math.exp(-RATE * seconds)
    push = speed + RATE * away
    return to + (away + push * seconds) * fades, (speed - RATE * push * seconds) * fades


def averaged(mean: Crop, wanted: Crop, seconds: float) -> Crop:
    """Return the average of the crops that were wanted, after another `seconds` in which `wanted` was."""
    off = max(abs(wanted.x - mean.x), abs(wanted.y - mean.y)) / mean.size
    moves = 1 - math.exp(-(1 + (off / WALKS) ** 3) * seconds / CALM_S)
    grows = 1 - math.exp(-seconds / (WIDER_S if wanted.size > mean.size else CLOSER_S))
    shares = (moves, moves, grows)
    return Crop(*(one + share * (to - one) for one, to, share in zip(mean, wanted, shares, strict=True)))


class Framing:
    """Moves the crop from frame to frame, and knows which one a viewer has clicked into."""

    def __init__(self) -> None:
        self._composed: deque[tuple[int, Crop]] = deque(maxlen=REMEMBERED)  # when, CLOCK_MONOTONIC, and which crop
        self.reset()

    def reset(self) -> None:
        """Show the whole picture at once: another picture begins."""
        self._crop, self._speed, self._to = WHOLE, (0.0, 0.0, 0.0), WHOLE
        self._mean: Crop | None = None  # where the crop should be, on average; None while nobody is shown
        self._is_gliding = False
        self._last_ns: int | None = None  # capture time of the last frame
        self._shown_ns = 0  # and of the last one with people

    def update(self, captured_ns: int, now_ns: int, who: Alpha | None, size_wh: tuple[int, int]) -> Crop:
        """Return the crop of a frame.

        Args:
            captured_ns: When the frame was captured. The same frame again moves nothing.
            now_ns: CLOCK_MONOTONIC.
            who: The people who are shown; None where nobody is.
            size_wh: Of the frame.
        """
        seconds = 0.0 if self._last_ns is None else min(max(0.0, (captured_ns - self._last_ns) / 1e9), MOST_S)
        self._last_ns = captured_ns
        wanted = None if who is None else crop_around(who, size_wh)
        if wanted is not None:
            self._shown_ns = captured_ns
            self._mean = wanted if self._mean is None else averaged(self._mean, wanted, seconds)
            self._aim(self._mean)
        elif captured_ns - self._shown_ns > HOLD_NS:
            self.release()
        moved = [glide(*one, seconds) for one in zip(self._crop, self._speed, self._to, strict=True)]
        (x, vx), (y, vy), (size, vs) = moved
        self._crop, self._speed = _inside(Crop(x, y, min(size, 1.0))), (vx, vy, vs)
        self._composed.append((now_ns, self._crop))
        return self._crop

    def whole(self, now_ns: int) -> Crop:
        """Return the crop of a picture that is shown whole, at once."""
        self.reset()
        self._composed.append((now_ns, WHOLE))
        return WHOLE

    def release(self) -> None:
        """Glide to the whole picture from now on: nobody is followed any more."""
        self._to, self._mean = WHOLE, None

    def _aim(self, wanted: Crop) -> None:
        """Glide to `wanted` from now on, if it is far enough from where the crop goes."""
        off = max(abs(one - other) for one, other in zip(wanted, self._to, strict=True)) / self._to.size
        if off > (RE_AIM if self._is_gliding else DEAD_ZONE):
            self._to, self._is_gliding = wanted, True
        elif max(abs(one - other) for one, other in zip(self._crop, self._to, strict=True)) < ARRIVED * self._to.size:
            self._is_gliding = False

    def in_frame(self, at: SelectSubjectAt, issued_ns: int) -> SelectSubjectAt:
        """Return a click into a composite as a point of its frame.

        Args:
            at: The point, 0..1 of what was shown.
            issued_ns: When it was clicked, CLOCK_MONOTONIC: into the newest composite of then.
        """
        crop = next((crop for composed_ns, crop in reversed(self._composed) if composed_ns <= issued_ns), WHOLE)
        x, y = (middle + (place - 0.5) * crop.size for middle, place in ((crop.x, at.x), (crop.y, at.y)))
        return SelectSubjectAt(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))
