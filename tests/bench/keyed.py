"""Scores a film whose background is one colour: the opacity with which each pixel is shown is measured from outside.

It is the share of the source's picture in the output, the rest being that colour. Where the source itself is close to the
colour, the pixel is not scored. The bounds are those of `score.py` in the shared tools.

A film keeps colours at half the size. So a colour of the background reaches one pixel into what is shown, and the other way
round; up to 1 % of a bystander behind the subject's shoulder then seems to be seen where the background is green. White has
no colour that could do so: 0.1 %. It is the better choice where the scene has little white.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import BgrImage, Mask

GREEN, WHITE = (0, 255, 0), (255, 255, 255)  # BGR
TOO_CLOSE = 24.0  # grey levels between the source and the colour
VISIBLE, SHARP = 0.1, 0.5  # opacities from which a pixel can be seen, and counts as shown
LARGE = 0.01  # of the picture: whoever fills less is hardly recognised


class Truth(NamedTuple):
    """What is in a picture; each (H, W) bool.

    person: Pixels of the person who is to be shown.
    background: Pixels of everything else; what is in neither is not scored.
    bystander: Pixels of somebody who must not be shown, None where nobody knows.
    """

    person: Mask
    background: Mask
    bystander: Mask | None = None


Colour = tuple[int, int, int]
TruthOf = Callable[[int], Truth | None]  # of the frame with a number; None where nobody knows
Pair = tuple[int, BgrImage, BgrImage]  # number of the frame, the source's picture and the one that was put out


@dataclass
class Scores:
    """Shares 0..1 by the number of the frame, for each frame of which there is something to say."""

    iou: dict[int, float] = field(default_factory=dict)  # of what is shown with the person
    leak: dict[int, float] = field(default_factory=dict)  # background that can be seen, by the person's area
    bystander: dict[int, float] = field(default_factory=dict)  # of them, who fill at least LARGE: what can be seen
    hidden: int = 0  # frames in which the person is, and nothing is shown
    frames: int = 0

    def row(self) -> dict[str, object]:
        """For a table."""
        return {
            "IoU": _mean(self.iou),
            "worst IoU": f"{min(self.iou.values()):.3f}" if self.iou else "-",
            "leak": _mean(self.leak),
            "frames hidden": self.hidden,
            "bystander %": f"{100 * np.mean(list(self.bystander.values())):.3f}" if self.bystander else "-",
            "worst %": f"{100 * max(self.bystander.values()):.2f}" if self.bystander else "-",
            "at frame": max(self.bystander, key=lambda number: self.bystander[number], default="-"),
            "of frames": len(self.bystander) or "-",
        }


def background_of(key: Colour) -> str:
    """Return the setting `background` for a colour."""
    return "color:{2:02x}{1:02x}{0:02x}".format(*key)


def opacity_of(shown: BgrImage, source: BgrImage, key: Colour) -> tuple[NDArray[np.float32], Mask]:
    """Return the opacity (H, W) 0..1 of each pixel before a background of one colour, and where it could be measured."""
    colour = np.array(key, np.float32)
    span = source.astype(np.float32) - colour
    norm = np.einsum("ijk,ijk->ij", span, span)
    share = np.einsum("ijk,ijk->ij", shown.astype(np.float32) - colour, span)
    return np.clip(share / np.maximum(norm, 1), 0, 1).astype(np.float32), norm > TOO_CLOSE**2


def score(pairs: Iterable[Pair], truth_of: TruthOf, key: Colour) -> Scores:
    """Score every frame whose truth is known."""
    scores = Scores()
    for number, source, shown in pairs:
        scores.frames += 1
        truth = truth_of(number)
        if truth is None:
            continue
        opacity, known = opacity_of(shown, source, key)
        person, background = truth.person & known, truth.background & known
        kept = (opacity > SHARP) & (person | background)
        if person.any():
            scores.iou[number] = float((kept & person).sum() / (kept | person).sum())
            scores.leak[number] = float((background & (opacity > VISIBLE)).sum() / person.sum())
            scores.hidden += not kept.any()
        if truth.bystander is not None and truth.bystander.mean() >= LARGE:
            them = truth.bystander & known
            scores.bystander[number] = float((opacity[them] > VISIBLE).mean())
    return scores


def truth_of_mask(mask: NDArray[np.uint8], size_wh: tuple[int, int]) -> Truth:
    """Return what a drawn mask says: 255 person, 0 background, 128 unknown."""
    if mask.shape[::-1] != size_wh:
        mask = np.asarray(cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST), np.uint8)
    return Truth(mask > 192, mask < 64)


def _mean(of: dict[int, float]) -> str:
    return f"{np.mean(list(of.values())):.3f}" if of else "-"
