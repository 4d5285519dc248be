"""The instance view: everything that the network found, drawn over the camera's own picture. Privacy is off in this view."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.messages import MasksInferred
from common.ipc.records import Instance
from common.vision.arrays import BgrImage
from common.vision.coco import NAMES
from compose.picture.alpha import of_instance

Box = tuple[float, float, float, float]
SAME_IOU = 0.3  # least IoU of the boxes of one thing in two results
FORGOTTEN_NS = 2_000_000_000  # a thing that is not found for so long gets a new number
TINT = 0.45  # share of the colour in a mask
GOLDEN = 0.61803398875  # golden ratio: neighbouring numbers get hues that are far apart
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Track(NamedTuple):
    """One thing, followed over several results."""

    number: int
    class_id: int
    box_xyxy: Box
    seen_ns: int


def iou(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes x0, y0, x1, y1, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    union = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)) - width * height
    return width * height / union


def colour_of(number: int) -> tuple[int, int, int]:
    """Return the colour of a track, BGR 0..255; it stays the same."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.75, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


class Tracks:
    """Gives every instance a number that it keeps from result to result."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1
        self._epoch = 0

    def number(self, result: MasksInferred) -> list[int]:
        """Return the numbers of a result's instances, in their order. Every epoch starts at 1."""
        if result.epoch != self._epoch:
            self._epoch, self._next, self._tracks = result.epoch, 1, []
        pairs = sorted(
            (
                (iou(instance.box_xyxy, track.box_xyxy), index, track)
                for index, instance in enumerate(result.instances)
                for track in self._tracks
                if track.class_id == instance.class_id
            ),
            key=lambda pair: pair[0],
            reverse=True,
        )
        numbers: dict[int, int] = {}
        for overlap, index, track in pairs:
            if overlap >= SAME_IOU and index not in numbers and track.number not in numbers.values():
                numbers[index] = track.number
        for index in range(len(result.instances)):
            if index not in numbers:
                numbers[index], self._next = self._next, self._next + 1
        found = [
            Track(numbers[index], instance.class_id, instance.box_xyxy, result.captured_ns)
            for index, instance in enumerate(result.instances)
        ]
        young = [t for t in self._tracks if result.captured_ns - t.seen_ns <= FORGOTTEN_NS]
        self._tracks = found + [t for t in young if t.number not in numbers.values()]
        return [numbers[index] for index in range(len(result.instances))]


class InstanceView:
    """Draws the last result.

    Args:
        threshold: Probability above which a pixel belongs to an instance, 0..1.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._tracks = Tracks()
        self._result: MasksInferred | None = None
        self._numbers: list[int] = []

    def update(self, result: MasksInferred) -> None:
        """Draw this result from now on."""
        self._result, self._numbers = result, self._tracks.number(result)

    def reset(self) -> None:
        """Forget the results so far, and draw nothing until the next one."""
        self._result, self._tracks = None, Tracks()

    def render(self, picture: BgrImage, epoch: int, into: BgrImage) -> None:
        """Copy `picture` into `into`, both (H, W, 3) uint8 BGR, and draw the instances of the last result of this epoch."""
        np.copyto(into, picture)
        if self._result is None or self._result.epoch != epoch:
            return
        for instance, number in zip(self._result.instances, self._numbers, strict=True):
            _tint(into, instance, self._threshold, colour_of(number))
        for instance, number in zip(self._result.instances, self._numbers, strict=True):
            _label(into, instance, number)


def _tint(picture: BgrImage, instance: Instance, threshold: float, colour: tuple[int, int, int]) -> None:
    found = of_instance(instance, (picture.shape[1], picture.shape[0]), threshold, "soft")
    if not found.opacity.size:
        return
    x0, y0, x1, y1 = found.box_xyxy
    part = picture[y0:y1, x0:x1]
    weight = found.opacity.astype(np.float32) * (TINT / 255)
    part[:] = cv2.blendLinear(np.full_like(part, colour), np.ascontiguousarray(part), weight, 1 - weight)


def _label(picture: BgrImage, instance: Instance, number: int) -> None:
    height, width = picture.shape[:2]
    scale = max(height / 720, 0.5)
    x0, y0, x1, y1 = (round(v * s) for v, s in zip(instance.box_xyxy, (width, height) * 2, strict=True))
    colour = colour_of(number)
    cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, max(1, round(2 * scale)))
    name = NAMES[instance.class_id] if instance.class_id < len(NAMES) else f"class {instance.class_id}"
    text = f"{number} {name} {instance.score:.0%}"
    (wide, high), below = cv2.getTextSize(text, FONT, 0.55 * scale, 1)
    top = max(y0, high + 2 * below)
    cv2.rectangle(picture, (x0, top - high - 2 * below), (x0 + wide + below, top), colour, cv2.FILLED)
    cv2.putText(picture, text, (x0, top - below), FONT, 0.55 * scale, (0, 0, 0), 1, cv2.LINE_AA)
