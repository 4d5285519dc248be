"""Follow the people of a recording by where they are, to one entry for each stretch in which one was there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from common.redaction.judgements import Box

T = TypeVar("T")

LEAST_IOU = 0.3  # of a box and the same person's box before: the usual threshold (SORT, Bewley et al. 2016)
PATIENCE_S = 2.0  # somebody who was not found for longer is another entry


@dataclass
class Appearance:
    """One person for as long as they could be followed.

    first_s: When they were found first.
    last_s: When the last frame in which they were found ends.
    largest: Their largest box, in the frame that is shown at `largest_s`.
    """

    first_s: float
    last_s: float
    largest: Box
    largest_s: float


class Follower:
    """Joins the boxes of frame after frame by how much they overlap, the best pair first."""

    def __init__(self) -> None:
        self.appearances: list[Appearance] = []
        self._open: list[tuple[Appearance, Box]] = []  # who may still be followed, and where they were found last

    def add(self, begin_s: float, end_s: float, boxes: Sequence[Box]) -> None:
        """Take everybody who was found in the next frame."""
        self._open = [each for each in self._open if begin_s - each[0].last_s <= PATIENCE_S]
        followed = dict(_pairs([box for _, box in self._open], boxes))
        for index, box in enumerate(boxes):
            if index not in followed:
                self._open.append((Appearance(begin_s, end_s, box, begin_s), box))
                self.appearances.append(self._open[-1][0])
                followed[index] = len(self._open) - 1
            person, _ = self._open[followed[index]]
            person.last_s = end_s
            if _area(box) > _area(person.largest):
                person.largest, person.largest_s = box, begin_s
            self._open[followed[index]] = person, box


class EvenSample(Generic[T]):
    """Keeps some of many things, evenly over all that were added, without knowing how many there will be.

    Args:
        least: It keeps at least so many once so many were added, and at most twice as many.
    """

    def __init__(self, least: int) -> None:
        self._least, self._step, self._count = least, 1, 0
        self._kept: list[T] = []

    def add(self, thing: T) -> None:
        """Take the next one."""
        if self._count % self._step == 0:
            self._kept.append(thing)
        self._count += 1
        if len(self._kept) > 2 * self._least:
            self._kept, self._step = self._kept[::2], 2 * self._step

    def pick(self) -> list[T]:
        """Return `least` of them, or all if there are fewer."""
        last = len(self._kept) - 1
        wanted = min(self._least, len(self._kept))
        return [self._kept[round(number * last / max(1, wanted - 1))] for number in range(wanted)]


def _pairs(before: Sequence[Box], boxes: Sequence[Box]) -> list[tuple[int, int]]:
    """Return (index in `boxes`, index in `before`) of the boxes that are the same person's; no index comes twice."""
    if not before or not boxes:
        return []
    old, new = np.array(before)[:, None], np.array(boxes)[None]
    sides = np.minimum(old[..., 2:], new[..., 2:]) - np.maximum(old[..., :2], new[..., :2])
    both = sides.clip(0).prod(-1)
    together = (old[..., 2:] - old[..., :2]).prod(-1) + (new[..., 2:] - new[..., :2]).prod(-1) - both
    iou = both / np.maximum(together, 1e-12)
    pairs: dict[int, int] = {}
    rows, columns = np.nonzero(iou >= LEAST_IOU)
    for place in np.argsort(-iou[rows, columns], kind="stable"):
        row, column = int(rows[place]), int(columns[place])
        if column not in pairs and row not in pairs.values():
            pairs[column] = row
    return list(pairs.items())


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
