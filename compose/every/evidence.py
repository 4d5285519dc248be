"""Find the subject by the masks of several looks together, where the matte does not know such a body. Pure.

The matte was made for people who sit in front of a camera. Of somebody who dances it misses limbs which the Mask R-CNN finds, and
which one look misses another finds. So the probabilities of the looks around a frame are moved to it by the picture's motion, from
both sides, and averaged: recent looks count more. On the clip dance-twirl with every third frame looked at this gives an IoU of 0.75
with a leak of 0.11, the areas of compose/every/passes.py with the matte 0.63 with 0.12.

Looks take parts of somebody who is half hidden for the subject. So while somebody may be hidden, nothing is shown that those areas take
for somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import GrayImage, SoftMask
from compose.every.grid_frame import GridFrame
from compose.every.looks import Outcome
from compose.picture.alpha import EMPTY, Alpha, placed
from compose.picture.matte_edge import BESIDE, SHARPEN, crop_alpha, padded_box, scaled_box
from compose.who.flow import dense_flow
from compose.who.region_state import GridBox, dilated, masked

NEWEST = 0.4  # weight of a look in the mean of those so far
LIKELY, OTHERS_LIKELY = 92, 128  # of 255: a cell with this mean is the subject, or somebody else
MARGIN = 1  # grid pixels that the edge may lie outside those cells
# of 255: at LIKELY the opacity is about one half (SHARPEN), and rises to 1 within a quarter of the scale
SLOPE, MIDDLE = 2, 140
# shares of the subject's certain area that the matte finds (compose/every/passes.py `coverage`), on average around a frame: from the
# first on the matte is trusted alone, below the second the looks. The clips of people before a camera have 0.986 and more
TRUSTED, MISTRUSTED = 0.985, 0.975


class Evidence(NamedTuple):
    """Mean probabilities on the grid in one frame, (h, w) uint8."""

    subject: SoftMask
    others: SoftMask

    def without(self, hidden: SoftMask) -> Evidence:
        """Return the evidence with nothing of the subject in an area, (h, w) uint8, 255 inside."""
        return self._replace(subject=masked(self.subject, cv2.bitwise_not(hidden)))


class Motion:
    """Measures the motion between frames more exactly than the areas need, and keeps it."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._kept: dict[tuple[int, int], tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def moved(self, evidence: Evidence, since: GridFrame, now: GridFrame) -> Evidence:
        """Return the evidence of a neighbouring frame, moved to this one."""
        key = since.number, now.number
        if key not in self._kept:
            self._kept[key] = self._measure(since.grey, now.grey)
        x, y = self._kept[key]
        # what comes from outside the picture is 0
        return Evidence(*(np.asarray(cv2.remap(area, x, y, cv2.INTER_LINEAR), np.uint8) for area in evidence))

    def forget_before(self, number: int) -> None:
        """Forget what is not needed from the frame `number` on."""
        self._kept = {pair: kept for pair, kept in self._kept.items() if min(pair) >= number}

    def _measure(self, since: GrayImage, now: GrayImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        height, width = now.shape
        back = dense_flow(self._search, now, since)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        return columns + back[..., 0], rows + back[..., 1]


def mistrust(coverages: Sequence[float]) -> float:
    """Return how little the matte is trusted, 0..1, by the shares that it found in the looks around a frame."""
    mean = float(np.mean(coverages)) if coverages else 1.0
    return min(1.0, max(0.0, (TRUSTED - mean) / (TRUSTED - MISTRUSTED)))


def evidence_of(frames: Sequence[GridFrame], motion: Motion) -> dict[int, Evidence]:
    """Return the evidence of the looks among consecutive frames for each frame between them, by number.

    Nothing is moved across a cut, or across a look at which the subject is lost.
    """
    before = _one_way(frames, motion)
    after = _one_way(frames[::-1], motion)
    return {
        number: Evidence(*(_mean(one, other) for one, other in zip(found, after[number], strict=True)))
        for number, found in before.items()
        if number in after
    }


def _one_way(frames: Sequence[GridFrame], motion: Motion) -> dict[int, Evidence]:
    found: dict[int, Evidence] = {}
    mean: Evidence | None = None
    last: GridFrame | None = None
    for frame in frames:
        if last is not None and mean is not None:
            is_cut = frame.is_cut if frame.number > last.number else last.is_cut
            mean = None if is_cut else motion.moved(mean, last, frame)
        look, last = frame.look, frame
        if look is not None and look.outcome is Outcome.LOST:
            mean = None
        elif look is not None and look.outcome is Outcome.FOUND:
            new = Evidence(look.likely_subject(), look.likely_others())
            mean = (
                new
                if mean is None or not look.is_same
                else Evidence(*(_mean(*pair, NEWEST) for pair in zip(mean, new, strict=True)))
            )
        if mean is not None:
            found[frame.number] = mean
    return found


def _mean(one: SoftMask, other: SoftMask, weight: float = 0.5) -> SoftMask:
    return np.asarray(cv2.addWeighted(one, 1 - weight, other, weight, 0), np.uint8)


def alpha_of(evidence: Evidence, likely: SoftMask, box: GridBox, size_wh: tuple[int, int]) -> Alpha:
    """Return the alpha of the subject by the evidence, and by the matte inside of it.

    Args:
        evidence: On the frame.
        likely: (144, 256) uint8, the matte's probability inside `box`.
        box: The part of the grid that the matte was run on.
        size_wh: Of the frame, pixels.
    """
    mine = np.asarray(
        cv2.bitwise_and(
            cv2.compare(evidence.subject, LIKELY, cv2.CMP_GE),
            cv2.compare(evidence.subject, evidence.others, cv2.CMP_GT),
        ),
        np.uint8,
    )
    if not mine.any():
        return EMPTY
    others = masked(
        np.asarray(cv2.compare(evidence.others, OTHERS_LIKELY, cv2.CMP_GE), np.uint8), cv2.bitwise_not(mine)
    )
    wide = dilated(mine, MARGIN)
    soft = cv2.bitwise_and(
        cv2.GaussianBlur(wide, (3, 3), 0), cv2.bitwise_or(wide, cv2.bitwise_not(dilated(others, BESIDE)))
    )
    bound = np.asarray(cv2.bitwise_and(soft, cv2.bitwise_not(dilated(others, MARGIN))), np.uint8)
    found = np.clip((evidence.subject.astype(np.int16) - LIKELY) * SLOPE + MIDDLE, 0, 255).astype(np.uint8)
    x0, y0, x1, y1 = around = padded_box(wide, 0)
    pixels = scaled_box(around, mine.shape, size_wh[::-1])
    wh = pixels[2] - pixels[0], pixels[3] - pixels[1]
    part, limit = (
        np.asarray(cv2.resize(area[y0:y1, x0:x1], wh, interpolation=cv2.INTER_LINEAR), np.uint8)
        for area in (masked(found, mine), bound)
    )
    shown = np.asarray(cv2.max(part, _inside(likely, scaled_box(box, mine.shape, size_wh[::-1]), pixels)), np.uint8)
    return crop_alpha(np.asarray(cv2.min(cv2.LUT(shown, SHARPEN), limit), np.uint8), pixels)


def _inside(likely: SoftMask, of: GridBox, wanted: GridBox) -> SoftMask:
    """Return what a map of the box `of` says inside the box `wanted`, both in pixels of the frame; 0 where it says nothing."""
    whole = np.zeros((wanted[3] - wanted[1], wanted[2] - wanted[0]), np.uint8)
    left, top, right, bottom = (
        max(of[0], wanted[0]), max(of[1], wanted[1]), min(of[2], wanted[2]), min(of[3], wanted[3]),
    )  # fmt: skip
    if left < right and top < bottom:
        drawn = cv2.resize(likely, (of[2] - of[0], of[3] - of[1]), interpolation=cv2.INTER_LINEAR)
        whole[top - wanted[1] : bottom - wanted[1], left - wanted[0] : right - wanted[0]] = drawn[
            top - of[1] : bottom - of[1], left - of[0] : right - of[0]
        ]
    return whole


def blended(one: Alpha, other: Alpha, weight: float, size_wh: tuple[int, int]) -> Alpha:
    """Return the mean of two alphas, the second with `weight` 0..1."""
    if weight <= 0 or weight >= 1:
        return other if weight >= 1 else one
    return crop_alpha(_mean(placed(one, size_wh), placed(other, size_wh), weight), (0, 0, *size_wh))
