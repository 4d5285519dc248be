"""How much of a page of text can be read after it was hidden, by a reader who knows exactly how it was hidden.

The page holds random capitals in lines, black on white, with camera noise. The reader knows where each letter stands,
the font, and the blur; only which letter it is, is unknown: chance is 1 in 26. It compares what came out with the 26
letters, each sent through the same blur at the same place (so it also knows how the letter lies on the grid), once as the
picture is and once after Wiener deconvolution with the known Gaussian.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LETTERS = string.ascii_uppercase
CHANCE = 1 / len(LETTERS)
FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono-Bold.ttf")
MOST_LETTERS = 240
LINE, ADVANCE = 1.5, 0.95  # of a capital's height, from line to line and from letter to letter
NOISE, JPEG_QUALITY = 2.0, 80
NOISE_TO_SIGNAL = (1e-1, 1e-2, 1e-3, 1e-4)  # of the Wiener filter; the best for the reader counts

Grey = NDArray[np.float32]
Hide = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Reading(NamedTuple):
    """Share of the letters that were read right, 0..1: from the picture, and after deconvolution."""

    plain: float
    deconvolved: float
    letters: int


class Page:
    """Where letters of one height stand on a page.

    Args:
        size_wh: Of the page, pixels.
        height: Of a capital, pixels.
    """

    def __init__(self, size_wh: tuple[int, int], height: float) -> None:
        self.size_wh = size_wh
        self.glyphs = glyphs_of(round(height))
        high, wide = self.glyphs.shape[1:]
        columns = np.arange(2 * wide, size_wh[0] - 3 * wide, max(wide, round(ADVANCE * height)))
        rows = np.arange(2 * high, size_wh[1] - 3 * high, round(LINE * height))
        corners = [(int(x), int(y)) for y in rows for x in columns]
        begin = max(0, len(corners) - MOST_LETTERS) // 2  # from the middle of the page
        self.corners = corners[begin : begin + MOST_LETTERS]

    def written(self, ink: NDArray[np.float32], of: list[int] | None = None) -> Grey:
        """The page, (H, W) float32 0..255, with `ink` (N, h, w) 0..1 at the places `of`, all by default."""
        page = np.full(self.size_wh[::-1], 255, np.float32)
        high, wide = self.glyphs.shape[1:]
        for number, here in zip(range(len(self.corners)) if of is None else of, ink, strict=True):
            x, y = self.corners[number]
            page[y : y + high, x : x + wide] -= 235 * here
        return page


@lru_cache(maxsize=8)
def glyphs_of(height: int) -> NDArray[np.float32]:
    """Ink of the 26 capitals, each `height` pixels high, (26, h, w) float32 0..1, all of one width."""
    font = ImageFont.truetype(str(FONT), 400)
    boxes = [font.getbbox(letter) for letter in LETTERS]
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[2] for b in boxes), max(b[3] for b in boxes)
    cap = font.getbbox("H")
    scale = height / (cap[3] - cap[1])
    size_wh = (round((right - left) * scale), round((bottom - top) * scale))
    drawn = []
    for letter in LETTERS:
        image = Image.new("L", (int(right - left), int(bottom - top)))
        ImageDraw.Draw(image).text((-left, -top), letter, fill=255, font=font)
        drawn.append(cv2.resize(np.asarray(image), size_wh, interpolation=cv2.INTER_AREA))
    return np.asarray(np.stack(drawn) / 255, np.float32)


def read_after(hide: Hide, sigma: float, size_wh: tuple[int, int], height: float, seed: int = 1) -> Reading:
    """Write a page, hide it, and read what is left.

    Args:
        hide: From and to (H, W, 3) uint8 BGR.
        sigma: Standard deviation of its Gaussian in pixels, which the reader deconvolves.
        size_wh: Of the page.
        height: Of a capital, pixels.
        seed: Of letters and noise.
    """
    page, rng = Page(size_wh, height), np.random.default_rng(seed)
    reader = _Reader(hide, sigma, page)
    truth = rng.integers(0, len(LETTERS), len(page.corners))
    noisy = page.written(page.glyphs[truth]) + rng.normal(0, NOISE, size_wh[::-1])
    everywhere = list(range(len(page.corners)))
    out = _grey(_compressed(hide(_colour(noisy))))
    seen = reader.undone(reader.reduced(out - reader.hidden(reader.usual, everywhere)))
    errors = np.full((len(seen), len(page.corners), len(LETTERS)), np.inf)
    for group in _spread(page, 8 * sigma + 2 * height):
        common = reader.hidden(reader.usual, group)
        for letter, ink in enumerate(page.glyphs):
            # what this letter adds to the usual one, at every place of the group at once
            adds = reader.undone(reader.reduced(reader.hidden(ink, group) - common))
            for number in group:
                part = reader.window(number, max(height, sigma) / 2)
                errors[:, number, letter] = [
                    np.square(s[part] - a[part]).sum() for s, a in zip(seen, adds, strict=True)
                ]
    shares = (errors.argmin(2) == truth).mean(1)
    return Reading(float(shares[0]), float(shares[1:].max()), len(truth))


class _Reader:
    """Knows how the page is hidden. It works on the picture reduced as far as the blur makes that harmless."""

    def __init__(self, hide: Hide, sigma: float, page: Page) -> None:
        self._hide, self._page = hide, page
        self.usual = page.glyphs.mean(0)  # what stands where a letter is, as far as anybody knows beforehand
        self._by = max(1, int(sigma / 3))  # by a quarter of sigma, it reads the same share of letters
        self._filters = [_wiener(sigma / self._by, share) for share in NOISE_TO_SIGNAL]

    def hidden(self, ink: Grey, group: list[int]) -> Grey:
        """A hidden page that holds the same ink (h, w) 0..1 at some places."""
        return _grey(self._hide(_colour(self._page.written(np.repeat(ink[None], len(group), 0), group))))

    def reduced(self, picture: Grey) -> Grey:
        """Means of squares of pixels."""
        size_wh = (picture.shape[1] // self._by, picture.shape[0] // self._by)
        return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.float32)

    def undone(self, picture: Grey) -> list[Grey]:
        """The picture as it is, and deconvolved by each of the filters."""
        return [picture, *(np.asarray(cv2.sepFilter2D(picture, -1, f, f), np.float32) for f in self._filters)]

    def window(self, number: int, reach: float) -> tuple[slice, slice]:
        """Rows and columns of the reduced picture around a letter, `reach` pixels of the page farther on every side."""
        (x, y), (high, wide) = self._page.corners[number], self._page.glyphs.shape[1:]
        x0, y0, x1, y1 = (round(v / self._by) for v in (x - reach, y - reach, x + wide + reach, y + high + reach))
        return slice(max(0, y0), max(y1, y0 + 1)), slice(max(0, x0), max(x1, x0 + 1))


def _spread(page: Page, least: float) -> list[list[int]]:
    """Groups of places that are at least so many pixels apart, so that a page shows all of a group without overlap."""
    groups: list[list[int]] = []
    for number, (x, y) in enumerate(page.corners):
        for group in groups:
            if all(max(abs(x - page.corners[n][0]), abs(y - page.corners[n][1])) >= least for n in group):
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def _wiener(sigma: float, noise_to_signal: float) -> NDArray[np.float64]:
    """The filter of one axis that undoes a Gaussian as far as an assumed share of noise allows (Wiener 1949)."""
    length = 2 * round(8 * sigma) + 1
    transfer = np.exp(-2 * np.pi**2 * sigma**2 * np.fft.fftfreq(4 * length) ** 2)
    undo = np.fft.fftshift(np.fft.ifft(transfer / (transfer**2 + noise_to_signal)).real)
    middle = len(undo) // 2
    return undo[middle - length // 2 : middle + length // 2 + 1]


def _colour(grey: Grey | NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.asarray(cv2.merge([np.clip(np.rint(grey), 0, 255).astype(np.uint8)] * 3), np.uint8)


def _grey(picture: NDArray[np.uint8]) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)


def _compressed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
