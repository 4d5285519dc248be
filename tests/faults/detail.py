"""How much detail of a known picture another one keeps. Pure arithmetic on arrays.

Two measures, each a map of windows in which 1 is the bound:

`checker`: the amplitude of the fine checkerboard of the demo scene's wall, by correlation with it at full resolution.
The finest detail that there is: a sliver of wall is found, however small and faint.

`kept`: of any picture whose every pixel is known. Picture and original are reduced to a fixed height, so that every
size is judged alike, and filtered to a band of spatial frequencies (a difference of Gaussians). In each window the
product of the two bands says how much of the original's detail is still there. What may be there is the detail that
the original would keep under a Gaussian blur of 1/WEAKEST of the height, plus TOLERANCE of all of it. So the local
content cancels out: what was blurred by 1/35 stays below three quarters of the bound wherever it is, what was blurred
by 1/50 is over it, and what is sharp is far over it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import PATTERN_CELL

Picture = NDArray[np.uint8]
Map = NDArray[np.float32]

CHECKER_WINDOW = 16  # pixels; a whole number of periods of the checkerboard, so flat colour correlates with nothing
CHECKER_BOUND = 1.0  # grey levels of 28: four times the worst hidden frame, and a wall at an opacity of a twenty-eighth
WEAKEST = 42  # between the least blur that is allowed, 1/35 of the height, and the weak one of 1/50
TOLERANCE = 0.05  # of the original's detail; compression and rounding keep to less, an opacity of a tenth does not
NOISE = 2.0  # grey levels²; windows with less detail than that say nothing
DENSE = 1 / 64  # least weight: deep inside a person nothing else is near


class Band(NamedTuple):
    """Frequencies that are looked at: those between two Gaussian blurs, in a picture of a fixed height."""

    name: str
    height: int  # pixels to which pictures are reduced
    inner: float  # sigma in those pixels
    outer: float
    window: int  # side of a window in those pixels

    def size_of(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """Width and height to which a picture of `size_wh` is reduced."""
        return round(size_wh[0] * self.height / size_wh[1]), self.height


COARSE = Band("coarse", 120, 1.5, 2.5, 15)  # most sensitive to cells of 1/20 of the height
FINE = Band("fine", 180, 1.0, 1.6, 13)


def grey_of(picture: Picture) -> Picture:
    """(H, W, 3) uint8 BGR → (H, W) uint8."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def reduced(plane: NDArray[np.uint8], size_wh: tuple[int, int]) -> Map:
    """(H, W) uint8 → (h, w) float32 by area means."""
    return np.asarray(cv2.resize(plane, size_wh, interpolation=cv2.INTER_AREA), np.float32)


class Checker:
    """The wall's checkerboard of one size, (width, height) pixels."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        y, x = np.mgrid[: size_wh[1], : size_wh[0]]
        self._signs = ((x // PATTERN_CELL + y // PATTERN_CELL) % 2 * 2 - 1).astype(np.float32)

    def found(self, grey: Picture) -> Map:
        """(H, W) uint8 → (H, W) float32: the pattern's amplitude in the window around each pixel, in CHECKER_BOUND."""
        plane = grey.astype(np.float32)
        plane -= cv2.blur(plane, (2 * PATTERN_CELL,) * 2)  # one period: the pattern stays whole, slopes and edges go
        plane *= self._signs
        found = cv2.absdiff(cv2.boxFilter(plane, -1, (CHECKER_WINDOW,) * 2), 0.0)
        return np.asarray(found / CHECKER_BOUND, np.float32)


def kept(picture: Map, original: Map, judged: Map, band: Band, people: Map | None = None) -> Map:
    """Detail of `original` that `picture` keeps, where 1 is what may be kept.

    Args:
        picture: (h, w) float32, grey, reduced to the band's height.
        original: The same of the picture before anything was hidden.
        judged: (h, w) float32, 1 where detail counts and 0 where any may be seen, such as at the subject.
        band: What is looked at.
        people: (h, w) float32, 0..1: whose colours compose keeps out of the blur; None: it keeps nobody's out.

    Returns:
        (h, w) float32, one value for the window around each pixel.
    """
    may = [_blurred(original, band)]
    if people is not None:
        may.append(_blurred(original, band, np.maximum(1 - people, DENSE)))
    within = _Within(judged, band)
    there = within.filtered(original)
    has, all_of_it = within.together(within.filtered(picture), there), within.together(there, there)
    allowed = np.maximum.reduce([within.together(within.filtered(m), there) for m in may])
    return np.asarray(has / (np.maximum(allowed, 0) + TOLERANCE * all_of_it + NOISE), np.float32)


def _blurred(original: Map, band: Band, weight: Map | None = None) -> Map:
    """The original under the weakest blur; with a weight by normalised convolution, as in compose/picture/blur.py."""
    sigma = band.height / WEAKEST
    if weight is None:
        return np.asarray(cv2.GaussianBlur(original, (0, 0), sigma), np.float32)
    summed, total = (cv2.GaussianBlur(plane, (0, 0), sigma) for plane in (original * weight, weight))
    return np.asarray(summed / total, np.float32)


class _Within:
    """A band's filter that looks only at what is judged: a sharp subject must not reach into the windows beside it."""

    def __init__(self, judged: Map, band: Band) -> None:
        self._judged, self._band = judged, band
        self._total = [np.maximum(cv2.GaussianBlur(judged, (0, 0), s), 1e-3) for s in (band.inner, band.outer)]

    def filtered(self, plane: Map) -> Map:
        """The plane's detail in the band, 0 where nothing is judged."""
        inner, outer = (
            cv2.GaussianBlur(plane * self._judged, (0, 0), sigma) / total
            for sigma, total in zip((self._band.inner, self._band.outer), self._total, strict=True)
        )
        return np.asarray((inner - outer) * self._judged, np.float32)

    def together(self, one: Map, other: Map) -> Map:
        """Mean product of two in the window around each pixel."""
        return np.asarray(cv2.blur(one * other, (self._band.window,) * 2), np.float32)
