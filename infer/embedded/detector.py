"""The detector that needs no download of its own: people told apart by skeletons, masks and faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.messages import MAX_INSTANCES, Instance
from infer.embedded.look import Looker, Seen
from infer.embedded.outline import Mask
from infer.embedded.split import face_share, shares, unclaimed, union
from infer.embedded.witness import Person

PERSON = 0  # COCO
EMBEDDED = "embedded who: tells people apart by faces and skeletons; may miss a back or a limb alone"
FACELESS = 0.8  # times as sure is a person whose face was not found
ASIDE = 0.3  # by so much less sure is a person at the picture's side than in the middle


class EmbeddedDetector:
    """Finds people, and signs of people, with small networks that come with the project's assets.

    Each person is an instance with a map of that person alone. A face that belongs to no body, and a region of the matte
    that is nobody's, are signs. So is a person who is less sure than `confidence`, or of whom no cell is certain.

    Args:
        confidence: Least score of a person who may be shown.

    Raises:
        AssetError: A network cannot be fetched.
        ModelError: A network cannot be read.
    """

    model = EMBEDDED
    least_wh = Looker.least_wh

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence
        self._looker = Looker()

    def detect(self, picture: NDArray[np.uint8]) -> tuple[Instance, ...]:
        """See Detector."""
        return instances_of(self._looker.look(picture), self._confidence)


def instances_of(seen: Seen, confidence: float) -> tuple[Instance, ...]:
    """Return people, the surest first, and then signs."""
    found, taken = [], shares(seen.people, seen.faces, seen.matte)
    for person, share in zip(seen.people, taken, strict=True):
        free = ~union([t for t in taken if t is not share], share.shape)
        found.append(instance_of_person(person, share, free, seen.matte, confidence))
    found.sort(key=lambda i: (i is None, i is not None and i.is_sign, -i.score if i is not None else 0))
    return tuple(i for i in [*found, *signs_of(seen, taken)] if i is not None)[:MAX_INSTANCES]


def instance_of_person(
    person: Person, share: Mask, free: Mask, matte: NDArray[np.float32], confidence: float
) -> Instance | None:
    """Return a person, or a sign where that is less sure than `confidence` or no cell is certain; None of no cell.

    Args:
        person: Whose body was found.
        share: (h, w) bool, what of the picture is theirs.
        free: (h, w) bool, what is nobody else's.
        matte: (h, w) float32, how likely each cell is any person, 0..1.
        confidence: Least score of a person who may be shown.
    """
    score, is_certain = score_of(person, share), bool(share.any())
    where = share if is_certain else person.outline.core  # of whom no cell is certain, the body itself is hidden
    is_sign = score < confidence or not is_certain
    return instance_of(where & free, np.minimum(person.mask, matte), score, is_sign=is_sign)


def signs_of(seen: Seen, taken: list[Mask]) -> list[Instance | None]:
    """Return the faces and regions that nobody of the people explains."""
    hidden = [face_share(face, seen.people, taken, seen.matte) for face in seen.faces]
    ones = np.ones_like(seen.matte)
    return [
        *(instance_of(h, ones, f.score, is_sign=True) for f, h in zip(seen.faces, hidden, strict=True)),
        *(
            instance_of(region, seen.matte, float(seen.matte[region].mean()), is_sign=True)
            for region in unclaimed([*taken, *hidden], seen.matte)
        ),
    ]


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
