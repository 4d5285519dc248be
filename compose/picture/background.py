"""What is shown in place of the room: the blurred frame itself, a colour, an image or a video."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from common.errors import SourceError
from common.readable import readable
from common.runtime.user_folder import background_image, expanded
from common.settings.saved import saved_file
from common.vision.arrays import BgrImage
from common.vision.images import read_image
from common.vision.pyramid import ImagePyramid
from compose.picture.alpha import Alpha
from compose.picture.blur import LEAST_SIGMA, Strength, blur, least_sigma, strength_of

log = logging.getLogger("onlyme")


class Background(Protocol):
    """Renders what is shown behind the subject."""

    def render(self, pyramid: ImagePyramid, alpha: Alpha | None, captured_ns: int, into: BgrImage) -> None:
        """Fill `into`, of the frame's shape (H, W, 3) uint8 BGR. `alpha` is the subject, None if nobody is shown."""


class BlurBackground:
    """Shows the frame itself, blurred.

    Args:
        kernel: See `strength_of`.

    Attributes:
        strength: Multiple of the least blur that is safe, from 1; None: as `kernel` says.
    """

    def __init__(self, kernel: int) -> None:
        self._kernel = kernel
        self.strength: float | None = None
        self._said_for = (0, 0)  # the frame size for which the log says that the blur was raised

    def render(self, pyramid: ImagePyramid, alpha: Alpha | None, captured_ns: int, into: BgrImage) -> None:
        """See Background."""
        size_wh = into.shape[1], into.shape[0]
        sigma, raised = self.strength_in(size_wh)
        if raised and size_wh != self._said_for:
            self._said_for = size_wh
            log.warning(
                "--kernel %d is too weak to hide a face at %d x %d: the blur is raised to %.0f pixels (sigma), 1/%.0f of the height",
                self._kernel, *size_wh, sigma, 1 / LEAST_SIGMA,
            )  # fmt: skip
        blur(pyramid, sigma, alpha, into)

    def strength_in(self, size_wh: tuple[int, int]) -> Strength:
        """Return how strongly a frame of `size_wh` is blurred, never less than is safe."""
        if self.strength is None:
            return strength_of(self._kernel, size_wh)
        return Strength(max(1.0, self.strength) * least_sigma(size_wh), raised=False)


class ImageBackground:
    """Shows one image, scaled to fill the frame. An image of one pixel is a plain colour."""

    def __init__(self, still: BgrImage) -> None:
        self._still = still
        self._fitted = still

    def render(self, pyramid: ImagePyramid, alpha: Alpha | None, captured_ns: int, into: BgrImage) -> None:
        """See Background."""
        if self._fitted.shape != into.shape:
            self._fitted = fill(self._still, into.shape[1::-1])
        np.copyto(into, self._fitted)


class VideoBackground:
    """Shows a video at its own rate, looped, scaled to fill the frame.

    Raises:
        SourceError: The video cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = cv2.VideoCapture(str(path))
        ok, first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not ok or first is None:
            raise SourceError(f"--background: expected a video that can be decoded, got {path}; check the path")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period_ns = 1e9 / (fps if 1 <= fps <= 240 else 30.0)
        self._due_ns: float | None = None
        self._still = ImageBackground(first)

    def render(self, pyramid: ImagePyramid, alpha: Alpha | None, captured_ns: int, into: BgrImage) -> None:
        """See Background."""
        if self._due_ns is None or captured_ns - self._due_ns > 1e9:  # the start, or a pause: continue from here
            self._due_ns = float(captured_ns)
        while self._due_ns <= captured_ns:
            self._due_ns += self._period_ns
            if not self._capture.grab():
                self._capture.open(str(self._path))
                self._capture.grab()
            if self._due_ns > captured_ns:
                ok, frame = self._capture.retrieve()
                self._still = ImageBackground(frame) if ok else self._still
        self._still.render(pyramid, alpha, captured_ns, into)


def fill(still: BgrImage, size_wh: tuple[int, int]) -> BgrImage:
    """Scale an image (h, w, 3) to cover `size_wh`, and crop it around its middle; its proportions stay."""
    height, width = still.shape[:2]
    scale = max(size_wh[0] / width, size_wh[1] / height)
    scaled_wh = (max(size_wh[0], round(width * scale)), max(size_wh[1], round(height * scale)))
    scaled = cv2.resize(still, scaled_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = (scaled_wh[0] - size_wh[0]) // 2, (scaled_wh[1] - size_wh[1]) // 2
    return np.ascontiguousarray(scaled[y : y + size_wh[1], x : x + size_wh[0]])


def open_background(name: str, blurred: BlurBackground) -> Background:
    """Open a background.

    Args:
        name: As `--background` has it.
        blurred: What `blur` stands for.

    Raises:
        SourceError: The image or video cannot be read.
    """
    kind, _, rest = name.partition(":")
    if kind == "blur":
        return blurred
    if kind == "color":
        return ImageBackground(np.array([[[int(rest[i : i + 2], 16) for i in (4, 2, 0)]]], np.uint8))
    if name == "image":
        return _open_uploaded()
    path = expanded(rest)
    if kind == "video":
        return VideoBackground(path)
    return _open_image(path)


def _open_uploaded() -> Background:
    """Open the image that the user uploaded on the page."""
    path = background_image()
    if not path.exists():
        raise SourceError(
            f"--background: expected the image that was uploaded on the page, got none at {path}; set another background, and "
            f"remove {saved_file()} if the page has saved this one"
        )
    return _open_image(path)


def _open_image(path: Path) -> Background:
    with readable("--background", path, SourceError):
        still = read_image(path)
    if still is None:
        raise SourceError(f"--background: expected an image that can be decoded, got {path}; check the path")
    return ImageBackground(still)
