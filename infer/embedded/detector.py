"""The detector that needs no download of its own: people told apart by skeletons, masks and faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common.ipc.messages import MAX_INSTANCES
from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage, Mask
from common.vision.coco import PERSON
from infer.embedded.look import Looker, Seen
from infer.embedded.split import face_share, shares, unclaimed, union
from infer.embedded.witness import LoneFace, Person

UNSEEN = 0.6  # probability of a cell that only the own mask gives to a person: shown where the present picture's matte agrees
LEAST_SEEN = 0.2  # mean of the matte over a person, below which a coat on a chair may pass for one
EMBEDDED = "embedded detector: tells people apart by faces and skeletons; may miss a back or a limb alone"
FACELESS = 0.8  # times as sure is a person whose face was not found
ASIDE = 0.3  # by so much less sure is a person at the picture's side than in the middle


class EmbeddedDetector:
    """Finds people, and signs of people, with small networks that come with the project's assets.

    Each person is an instance with a map of that person alone. A face that belongs to no body, and a region of the matte
    that is nobody's, are signs. So is a person who is less sure than `confidence`, or of whom the matte sees hardly anything.

    Args:
        confidence: Least score of a person who may be shown.
        looker: The networks, None: they are opened.

    Raises:
        AssetError: A network cannot be fetched.
        ModelError: A network cannot be read.
    """

    model = EMBEDDED
    kind = DetectorKind.EMBEDDED
    least_wh = Looker.least_wh

    def __init__(self, confidence: float, looker: Looker | None = None) -> None:
        self._confidence = confidence
        self._looker = Looker() if looker is None else looker

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector."""
        return instances_of(self._looker.look(picture), self._confidence)


def instances_of(seen: Seen, confidence: float) -> tuple[Instance, ...]:
    """Return people, the surest first, and then signs."""
    found: list[Instance] = []
    taken = shares(seen.people, seen.faces)
    nobodys = ~union(taken, seen.matte.shape)
    for person, share in zip(seen.people, taken, strict=True):
        one = instance_of_person(person, share, nobodys | share, seen.matte, confidence)
        if one is not None:
            found.append(one)
    found.sort(key=lambda i: (i.is_sign, -i.score))
    return (*found, *(sign for sign in signs_of(seen, taken) if sign is not None))[:MAX_INSTANCES]


def instance_of_person(
    person: Person, share: Mask, free: Mask, matte: NDArray[np.float32], confidence: float
) -> Instance | None:
    """Return a person, or a sign where that is less sure than `confidence` or hardly anything is certain; None of no cell.

    Args:
        person: Whose body was found.
        share: (h, w) bool, what of the picture is theirs.
        free: (h, w) bool, what is nobody else's.
        matte: (h, w) float32, how likely each cell is any person, 0..1.
        confidence: Least score of a person who may be shown.
    """
    score, is_certain = score_of(person, share), bool(share.any() and matte[share].mean() >= LEAST_SEEN)
    where = (
        share if is_certain else share | person.outline.core
    )  # of whom nothing is certain, the body itself is hidden
    is_sign = score < confidence or not is_certain
    return instance_of(where & free, np.minimum(person.mask, np.maximum(matte, UNSEEN)), score, is_sign=is_sign)


def signs_of(seen: Seen, taken: list[Mask]) -> list[Instance | None]:
    """Return the faces and regions that nobody of the people explains."""
    hidden = [face_share(face, seen.people, taken, seen.matte) for face in seen.faces]
    return [*map(sign_of_face, seen.faces, hidden), *signs_of_regions([*taken, *hidden], seen.matte)]


def sign_of_face(face: LoneFace, where: Mask) -> Instance | None:
    """Return the sign that a face alone is, of the cells `where`; None of no cell."""
    return instance_of(where, np.ones(where.shape, np.float32), face.score, is_sign=True)


def signs_of_regions(taken: Sequence[Mask], matte: NDArray[np.float32]) -> list[Instance | None]:
    """Return the regions of the matte that are nobody's."""
    return [instance_of(r, matte, float(matte[r].mean()), is_sign=True) for r in unclaimed(taken, matte)]


def score_of(person: Person, share: Mask) -> float:
    """Return how sure it is that a person is there and sits in front of the camera, 0.5..1."""
    across = float(np.nonzero(share)[1].mean()) / share.shape[1] if share.any() else 0.0
    sure = person.presence * (1.0 if person.has_face else FACELESS) * (1 - ASIDE * abs(2 * across - 1))
    return float(min(1.0, 0.5 + 0.5 * sure))


def instance_of(where: Mask, likely: NDArray[np.float32], score: float, *, is_sign: bool) -> Instance | None:
    """Return an instance with the probabilities `likely` (h, w) of the cells `where` and 0 elsewhere; None of no cell."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not rows.size:
        return None
    height, width = where.shape
    # one cell of margin: where the map ends, its edge is drawn between two cells
    y0, y1 = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, height)
    x0, x1 = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, width)
    inside = np.where(where[y0:y1, x0:x1], likely[y0:y1, x0:x1], 0)
    quantised = np.rint(np.clip(inside, 0, 1) * 255).astype(np.uint8)
    box = (x0 / width, y0 / height, x1 / width, y1 / height)
    return Instance(PERSON, score, box, y1 - y0, x1 - x0, quantised.tobytes(), is_sign=is_sign)
