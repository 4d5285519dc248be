"""A Mask R-CNN beside the small networks of the embedded detector.

Mask R-CNN finds every class and rarely misses anybody, but its small maps give the subject much of whoever stands half
hidden behind. The small networks tell those two apart. A person whose body they found is what they give to it, as far as its
instance reaches and little farther; what another's skeleton, mask or face claims is taken from everybody else, and what only
the small networks see is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from common.ipc.fields import printable
from common.ipc.messages import MAX_INSTANCES
from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage, FloatMap, Mask
from common.vision.coco import PERSON
from infer.detector_protocol import Detector
from infer.embedded.detector import (
    UNSEEN,
    EmbeddedDetector,
    instance_of,
    instance_of_person,
    sign_of_face,
    signs_of_regions,
)
from infer.embedded.look import Looker, Seen
from infer.embedded.split import REACH, face_share, shares, union
from infer.embedded.witness import LoneFace, Person

WITHIN = 0.5  # of a body or a head that lies in an instance's map, from which it may be that instance's
BEYOND = 0.1  # of the own size: so far beyond an instance's map its owner's own mask is followed
LEFT = 0.2  # of an instance's map: where less is left of it, it was somebody else's

Witness = Person | LoneFace


class WitnessedDetector:
    """Finds what a Mask R-CNN finds, every person without what belongs to another, and signs of people.

    Alone a Mask R-CNN gives the subject 1.5 % of somebody else on average on the demo's courses, and 5.1 % where two real people
    are pasted together; beside the small networks 0.7 and 1.3 %.

    Args:
        detector: The Mask R-CNN.
        threshold: Probability from which a pixel is in a mask, 0..1.
        confidence: Least score of a person who may be shown; who is less sure is a sign.

    Raises:
        AssetError: A small network cannot be fetched.
        ModelError: A small network cannot be read.
    """

    kind = DetectorKind.MASK_RCNN

    def __init__(self, detector: Detector, threshold: float, confidence: float) -> None:
        self._detector, self._threshold, self._confidence = detector, threshold, confidence
        self._looker, self._beside = Looker(), ThreadPoolExecutor(1)
        self.small: Detector = EmbeddedDetector(confidence, self._looker)  # for a processor that is too busy for both
        self.model = printable(f"{detector.model}, beside the embedded detector")
        self.least_wh = (
            max(detector.least_wh[0], self._looker.least_wh[0]), max(detector.least_wh[1], self._looker.least_wh[1]),
        )  # fmt: skip

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector."""
        if cv2.getNumThreads() < 2:  # as `--threads` and `--cpu` have it
            return self._both(self._detector.detect(picture), self._looker.look(picture))
        seen = self._beside.submit(self._looker.look, picture)  # the small networks never use more than one thread
        return self._both(self._detector.detect(picture), seen.result())

    def _both(self, found: tuple[Instance, ...], seen: Seen) -> tuple[Instance, ...]:
        return witnessed(found, seen, self._threshold, self._confidence)


def witnessed(found: Sequence[Instance], seen: Seen, threshold: float, confidence: float) -> tuple[Instance, ...]:
    """Return persons without what belongs to another, persons whom only the small networks see, signs, and things."""
    people = [i for i in found if i.class_id == PERSON]
    maps = [likely_on(i, seen.matte.shape) for i in people]
    areas = [likely > threshold for likely in maps]
    taken = shares(seen.people, seen.faces)
    owners = owners_of(areas, seen, taken)
    hidden = [face_share(face, seen.people, taken, seen.matte) for face in seen.faces]
    told: list[Instance | None] = []
    kept = []
    for instance, likely, area, owner in zip(people, maps, areas, owners, strict=True):
        left = part_of(area, owner, seen, taken, hidden)
        is_little = bool(left.sum() < LEFT * area.sum())
        if is_little and not is_disputed(area, owner, seen):  # the small networks do not know such a pose
            left, is_little = area, False
        kept.append(left)
        shown = np.maximum(likely, UNSEEN) if isinstance(owner, Person) else likely
        told.append(instance_of(left, shown, instance.score, is_sign=is_little))
    things = [i for i in found if i.class_id != PERSON]
    others = alone(seen, owners, taken, kept, confidence)
    return tuple(i for i in (*told, *others, *things) if i is not None)[:MAX_INSTANCES]


def owners_of(areas: Sequence[Mask], seen: Seen, taken: Sequence[Mask]) -> list[Witness | None]:
    """Return which of those who were seen each area is of; None where that is nobody.

    A body or head belongs to the area that is most like it of those that hold it; of several bodies in one area the one
    that is most like it owns it, and of faces only where there is no body.
    """
    owners: list[Witness | None] = [None] * len(areas)
    bodies = [(person, person.outline.core, share) for person, share in zip(seen.people, taken, strict=True)]
    heads = [(face, face.head, face.outline.core) for face in seen.faces]
    for group in (bodies, heads):
        best = [0.0] * len(areas)
        free = [k for k in range(len(areas)) if owners[k] is None]
        for witness, certain, extent in group:
            alike = {k: _overlap(areas[k], extent) for k in free if _is_within(certain, areas[k])}
            if alike and alike[k := max(alike, key=lambda k: alike[k])] > best[k]:
                owners[k], best[k] = witness, alike[k]
    return owners


def _is_within(certain: Mask, area: Mask) -> bool:
    return bool((area & certain).sum() > WITHIN * certain.sum())


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def is_disputed(area: Mask, owner: Witness | None, seen: Seen) -> bool:
    """Return whether anybody but its owner is so near that a part of an area may be somebody else's."""
    witnesses: tuple[Witness, ...] = (*seen.people, *seen.faces)
    return any(bool((area & (w.outline.distance < REACH * w.outline.size)).any()) for w in witnesses if w is not owner)


def part_of(area: Mask, owner: Witness | None, seen: Seen, taken: Sequence[Mask], hidden: Sequence[Mask]) -> Mask:
    """Return (h, w) bool: what of an instance, or just beyond its edge, is its owner's.

    Where a body was found, that is what the small networks give to it; else what they give to nobody.
    """
    for person, share in zip(seen.people, taken, strict=True):
        if person is owner:
            by = 2 * round(BEYOND * person.outline.size) + 1
            reach = cv2.dilate(area.astype(np.uint8), np.ones((by, by), np.uint8))
            return np.asarray(share & (reach > 0))
    theirs = [*taken, *(h for face, h in zip(seen.faces, hidden, strict=True) if face is not owner)]
    return area & ~union(theirs, seen.matte.shape)


def alone(
    seen: Seen, owners: Sequence[Witness | None], taken: Sequence[Mask], kept: Sequence[Mask], confidence: float
) -> list[Instance | None]:
    """Return whom and what only the small networks see, without what is `kept` of the instances."""
    free = ~union(kept, seen.matte.shape)
    found: list[Instance | None] = []
    shown = list(kept)
    for person, share in zip(seen.people, taken, strict=True):
        if person not in owners:
            found.append(instance_of_person(person, share, free, seen.matte, confidence))
            shown.append(share)
    for face in seen.faces:
        if face not in owners:
            hidden = face_share(face, seen.people, shown, seen.matte)
            found.append(sign_of_face(face, hidden))
            shown.append(hidden)
    return [*found, *signs_of_regions(shown, seen.matte)]


def likely_on(instance: Instance, shape: tuple[int, ...]) -> FloatMap:
    """Return an instance's probabilities 0..1 on a grid (h, w), 0 outside of its box."""
    height, width = shape[:2]
    x0, y0, x1, y1 = instance.box_xyxy
    small = np.frombuffer(instance.probability, np.uint8).reshape(instance.map_height, instance.map_width)
    # from numbers of cells to numbers of the map's own cells, both counted at their middles
    step = np.array([[(x1 - x0) * width / small.shape[1], 0], [0, (y1 - y0) * height / small.shape[0]]])
    shift = np.array([x0 * width, y0 * height]) + np.diag(step) / 2 - 0.5
    spread = cv2.warpAffine(small, np.column_stack([step, shift]), (width, height), borderMode=cv2.BORDER_REPLICATE)
    likely = np.zeros((height, width), np.float32)
    left, top = int(np.floor(x0 * width)), int(np.floor(y0 * height))
    right, bottom = int(np.ceil(x1 * width)), int(np.ceil(y1 * height))
    likely[top:bottom, left:right] = spread[top:bottom, left:right] / np.float32(255)
    return likely
