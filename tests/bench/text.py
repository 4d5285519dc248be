"""How much of a page of text can be read through the blur, by size, height of the letters and strength."""

from __future__ import annotations

import cv2
import numpy as np

from common.vision.pyramid import ImagePyramid
from compose.picture.blur import DEFAULT_SIGMA, LEAST_SIGMA, blur, sigma_of
from tests.bench.table import print_table
from tests.faults.text_oracle import Hide, read_after

SIZES_WH = ((1280, 720), (1920, 1080), (3840, 2160))
SHARES = (60, 40, 30, 20)  # the height of the picture is so many times that of a capital
TUTORIALS_KERNEL = 41


def ours(sigma: float) -> Hide:
    """The blur of compose."""
    return lambda picture: blur(ImagePyramid(picture), sigma)


def tutorials(picture: np.ndarray) -> np.ndarray:
    """The blur of the tutorial, whatever the size of the picture."""
    return np.asarray(cv2.GaussianBlur(picture, (TUTORIALS_KERNEL, TUTORIALS_KERNEL), 0), np.uint8)


def row_of(size_wh: tuple[int, int], share: int) -> dict[str, object]:
    """One size of picture and one of letters: percent read from the picture and after deconvolution."""
    height = size_wh[1]
    kinds: dict[str, tuple[Hide, float]] = {
        "default": (ours(DEFAULT_SIGMA * height), DEFAULT_SIGMA * height),
        "floor": (ours(LEAST_SIGMA * height), LEAST_SIGMA * height),
        f"kernel {TUTORIALS_KERNEL}": (tutorials, sigma_of(TUTORIALS_KERNEL)),
    }
    row: dict[str, object] = {"size": f"{size_wh[0]} x {height}", "letters": f"1/{share}"}
    for name, (hide, sigma) in kinds.items():
        got = read_after(hide, sigma, size_wh, height / share)
        row["read of"] = got.letters
        row[f"{name} plain %"], row[f"{name} deconvolved %"] = 100 * got.plain, 100 * got.deconvolved
    return row


def main() -> None:
    """All sizes; chance is 4 percent."""
    rows = [row_of(size_wh, share) for size_wh in SIZES_WH for share in SHARES]
    print_table("text read through the blur, camera noise and JPEG 80 (chance: 3.8 %)", rows)
