"""Combines a Mask R-CNN with the embedded detector.

A Mask R-CNN finds every class and rarely misses a person, but its coarse maps give the subject cells of a person who is half
hidden behind. The embedded detector tells those two apart. If it found a person's body, that person gets the cells that it
assigns, within the Mask R-CNN's instance and a little beyond. Cells of another person's skeleton, mask or face are removed
from every other instance. People whom only the embedded detector found are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from common.ipc.fields import printable
from common.ipc.messages import MAX_INSTANCES
from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage, FloatMap, Mask
from common.vision.coco import PERSON
from common.vision.grid import probability_map
from infer.detector_protocol import Detector
from infer.embedded.detector import (
    UNSEEN,
    EmbeddedDetector,
    instance_of,
    instance_of_person,
    sign_of_face,
    signs_of_regions,
)
from infer.embedded.networks import EmbeddedNetworks, EmbeddedResult
from infer.embedded.people import LoneFace, Person
from infer.embedded.split import REACH, face_share, shares, union

WITHIN = 0.5  # minimum share of a body or head inside an instance's map to belong to that instance
BEYOND = 0.1  # of the person's size: so far beyond the instance's map the person's own mask counts
LEFT = 0.2  # of an instance's map: if less is left, the instance was another person

Evidence = Person | LoneFace


class CombinedDetector:
    """Find what a Mask R-CNN finds, every person without cells of another, and signs of people.

    On the demo's courses of two people the call shows 0.45 % of the second person's pixels with a Mask R-CNN alone, and 0.11 %
    with both (mean; `python -m tests.bench people`).

    Args:
        detector: The Mask R-CNN.
        threshold: Probability above which a pixel is in a mask, 0..1.
        confidence: Minimum score of a person who may be shown; below it a person is a sign.

    Raises:
        AssetError: A file of the embedded detector cannot be fetched.
        ModelError: A file of the embedded detector cannot be read.
    """

    kind = DetectorKind.MASK_RCNN

    def __init__(self, detector: Detector, threshold: float, confidence: float) -> None:
        self._detector, self._threshold, self._confidence = detector, threshold, confidence
        self._networks, self._beside = EmbeddedNetworks(), ThreadPoolExecutor(1)
        self.small = EmbeddedDetector(confidence, self._networks)  # used alone while the processor is too busy for both
        self.model = printable(f"{detector.model}, beside the embedded detector")
        self.least_wh = (
            max(detector.least_wh[0], self._networks.least_wh[0]), max(detector.least_wh[1], self._networks.least_wh[1]),
        )  # fmt: skip

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector."""
        if cv2.getNumThreads() < 2:  # with `--threads 1` or `--cpu`
            return self._both(self._detector.detect(picture), self._networks.run(picture))
        result = self._beside.submit(self._networks.run, picture)  # the small networks never use more than one thread
        return self._both(self._detector.detect(picture), result.result())

    def confirm_or_detect(
        self, picture: BgrImage, confirms: Callable[[tuple[Instance, ...]], bool]
    ) -> tuple[tuple[Instance, ...], bool]:
        """Run the small networks, and the Mask R-CNN unless what they found `confirms` what is known.

        Returns:
            The instances, and whether they are a confirmation.
        """
        result = self._networks.run(picture)
        found = self.small.instances(result)
        if confirms(found):
            return found, True
        return self._both(self._detector.detect(picture), result), False

    def _both(self, found: tuple[Instance, ...], result: EmbeddedResult) -> tuple[Instance, ...]:
        return combine(found, result, self._threshold, self._confidence)


def combine(
    found: Sequence[Instance], result: EmbeddedResult, threshold: float, confidence: float
) -> tuple[Instance, ...]:
    """Return people without cells of others, people whom only the embedded detector found, signs, and things."""
    people = [i for i in found if i.class_id == PERSON]
    maps = [likely_on(i, result.matte.shape) for i in people]
    areas = [likely > threshold for likely in maps]
    taken = shares(result.people, result.faces)
    owners = owners_of(areas, result, taken)
    hidden = [face_share(face, result.people, taken, result.matte) for face in result.faces]
    told: list[Instance | None] = []
    kept = []
    for instance, likely, area, owner in zip(people, maps, areas, owners, strict=True):
        left = part_of(area, owner, result, taken, hidden)
        is_little = bool(left.sum() < LEFT * area.sum())
        if is_little and not is_disputed(area, owner, result):  # the small networks cannot handle such a pose
            left, is_little = area, False
        kept.append(left)
        shown = np.maximum(likely, UNSEEN) if isinstance(owner, Person) else likely
        told.append(instance_of(left, shown, instance.score, is_sign=is_little))
    things = [i for i in found if i.class_id != PERSON]
    others = alone(result, owners, taken, kept, confidence)
    return tuple(i for i in (*told, *others, *things) if i is not None)[:MAX_INSTANCES]


def owners_of(areas: Sequence[Mask], result: EmbeddedResult, taken: Sequence[Mask]) -> list[Evidence | None]:
    """Return for each area the person or lone face that it belongs to, or None.

    A body or head belongs to the area that contains it and overlaps most with it. Of several bodies in one area the one that
    overlaps most owns it. A face owns an area only if no body does.
    """
    owners: list[Evidence | None] = [None] * len(areas)
    bodies = [(person, person.outline.core, share) for person, share in zip(result.people, taken, strict=True)]
    heads = [(face, face.head, face.outline.core) for face in result.faces]
    for group in (bodies, heads):
        best = [0.0] * len(areas)
        free = [k for k in range(len(areas)) if owners[k] is None]
        for one, certain, extent in group:
            alike = {k: _overlap(areas[k], extent) for k in free if _is_within(certain, areas[k])}
            if alike and alike[k := max(alike, key=lambda k: alike[k])] > best[k]:
                owners[k], best[k] = one, alike[k]
    return owners


def _is_within(certain: Mask, area: Mask) -> bool:
    return bool((area & certain).sum() > WITHIN * certain.sum())


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def is_disputed(area: Mask, owner: Evidence | None, result: EmbeddedResult) -> bool:
    """Return True if another person is so close that a part of the area may be theirs."""
    others: tuple[Evidence, ...] = (*result.people, *result.faces)
    return any(bool((area & (w.outline.distance < REACH * w.outline.size)).any()) for w in others if w is not owner)


def part_of(
    area: Mask, owner: Evidence | None, result: EmbeddedResult, taken: Sequence[Mask], hidden: Sequence[Mask]
) -> Mask:
    """Return (h, w) bool, the cells of an instance, or just beyond its edge, that belong to its owner.

    If a body was found, these are the cells that the embedded detector assigns to it; else those that it assigns to nobody.
    """
    for person, share in zip(result.people, taken, strict=True):
        if person is owner:
            by = 2 * round(BEYOND * person.outline.size) + 1
            reach = cv2.dilate(area.astype(np.uint8), np.ones((by, by), np.uint8))
            return np.asarray(share & (reach > 0))
    theirs = [*taken, *(h for face, h in zip(result.faces, hidden, strict=True) if face is not owner)]
    return area & ~union(theirs, result.matte.shape)


def alone(
    result: EmbeddedResult,
    owners: Sequence[Evidence | None],
    taken: Sequence[Mask],
    kept: Sequence[Mask],
    confidence: float,
) -> list[Instance | None]:
    """Return the people and signs that only the embedded detector found, without the cells that instances have `kept`."""
    free = ~union(kept, result.matte.shape)
    found: list[Instance | None] = []
    shown = list(kept)
    for person, share in zip(result.people, taken, strict=True):
        if person not in owners:
            found.append(instance_of_person(person, share, free, result.matte, confidence))
            shown.append(share)
    for face in result.faces:
        if face not in owners:
            hidden = face_share(face, result.people, shown, result.matte)
            found.append(sign_of_face(face, hidden))
            shown.append(hidden)
    return [*found, *signs_of_regions(shown, result.matte)]


def likely_on(instance: Instance, shape: tuple[int, ...]) -> FloatMap:
    """Return the probabilities 0..1 of an instance on a grid (h, w), 0 outside its box."""
    height, width = shape[:2]
    x0, y0, x1, y1 = instance.box_xyxy
    small = probability_map(instance)
    # maps cell numbers of the instance's map to those of the grid; both refer to the middles of cells
    step = np.array([[(x1 - x0) * width / small.shape[1], 0], [0, (y1 - y0) * height / small.shape[0]]])
    shift = np.array([x0 * width, y0 * height]) + np.diag(step) / 2 - 0.5
    spread = cv2.warpAffine(small, np.column_stack([step, shift]), (width, height), borderMode=cv2.BORDER_REPLICATE)
    likely = np.zeros((height, width), np.float32)
    left, top = int(np.floor(x0 * width)), int(np.floor(y0 * height))
    right, bottom = int(np.ceil(x1 * width)), int(np.ceil(y1 * height))
    likely[top:bottom, left:right] = spread[top:bottom, left:right] / np.float32(255)
    return likely
