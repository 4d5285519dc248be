"""The detector that needs no Mask R-CNN: it tells people apart by skeletons, masks and faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common.ipc.messages import MAX_INSTANCES
from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage, Mask
from common.vision.coco import PERSON
from infer.embedded.networks import EmbeddedNetworks, EmbeddedResult
from infer.embedded.people import LoneFace, Person
from infer.embedded.split import face_share, shares, unclaimed, union

UNSEEN = 0.6  # probability of a cell that only the person's own mask contains; compose asks the matte again
LEAST_SEEN = 0.2  # minimum mean of the matte over a person: below it, the "person" may be a coat on a chair
EMBEDDED = "embedded detector: tells people apart by faces and skeletons; may miss a back or a limb alone"
FACELESS = 0.8  # factor of the score of a person whose face was not found
ASIDE = 0.3  # by this share the score of a person at the side of the picture is lower than in the middle


class EmbeddedDetector:
    """Find people, and signs of people, with the small networks among the project's assets.

    Each person is an instance with a map of that person alone. Signs are: a face that belongs to no body, a region of the
    matte that belongs to nobody, and a person with a score below `confidence` or with hardly any matte.

    Args:
        confidence: Minimum score of a person who may be shown.
        networks: The opened networks, None to open them.

    Raises:
        AssetError: A network cannot be fetched.
        ModelError: A network cannot be read.
    """

    model = EMBEDDED
    kind = DetectorKind.EMBEDDED
    least_wh = EmbeddedNetworks.least_wh

    def __init__(self, confidence: float, networks: EmbeddedNetworks | None = None) -> None:
        self._confidence = confidence
        self._networks = EmbeddedNetworks() if networks is None else networks

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector."""
        return self.instances(self._networks.run(picture))

    def instances(self, result: EmbeddedResult) -> tuple[Instance, ...]:
        """Return what the networks found in a picture, as instances."""
        return instances_of(result, self._confidence)


def instances_of(result: EmbeddedResult, confidence: float) -> tuple[Instance, ...]:
    """Return people, highest score first, and then signs."""
    taken = shares(result.people, result.faces)
    nobodys = ~union(taken, result.matte.shape)
    people = [
        instance_of_person(person, share, nobodys | share, result.matte, confidence)
        for person, share in zip(result.people, taken, strict=True)
    ]
    hidden = [face_share(face, result.people, taken, result.matte) for face in result.faces]
    signs = [*map(sign_of_face, result.faces, hidden), *signs_of_regions([*taken, *hidden], result.matte)]
    found = sorted((one for one in people if one is not None), key=lambda i: (i.is_sign, -i.score))
    return (*found, *(sign for sign in signs if sign is not None))[:MAX_INSTANCES]


def instance_of_person(
    person: Person, share: Mask, free: Mask, matte: NDArray[np.float32], confidence: float
) -> Instance | None:
    """Return a person as an instance, as a sign if the score is below `confidence` or hardly any cell is certain.

    Args:
        person: Person whose body was found.
        share: (h, w) bool, the cells of this person.
        free: (h, w) bool, the cells that belong to nobody else.
        matte: (h, w) float32, probability 0..1 of each cell to belong to any person.
        confidence: Minimum score of a person who may be shown.

    Returns:
        None if no cell is left.
    """
    score, is_certain = score_of(person, share), bool(share.any() and matte[share].mean() >= LEAST_SEEN)
    where = share if is_certain else share | person.outline.core  # if nothing is certain, hide the drawn body too
    is_sign = score < confidence or not is_certain
    return instance_of(where & free, np.minimum(person.mask, np.maximum(matte, UNSEEN)), score, is_sign=is_sign)


def sign_of_face(face: LoneFace, where: Mask) -> Instance | None:
    """Return a lone face as a sign that covers the cells `where`, None if there are none."""
    return instance_of(where, np.ones(where.shape, np.float32), face.score, is_sign=True)


def signs_of_regions(taken: Sequence[Mask], matte: NDArray[np.float32]) -> list[Instance | None]:
    """Return the regions of the matte that belong to nobody, as signs."""
    return [instance_of(r, matte, float(matte[r].mean()), is_sign=True) for r in unclaimed(taken, matte)]


def score_of(person: Person, share: Mask) -> float:
    """Return the score 0.5..1 that a person is there and sits in front of the camera."""
    across = float(np.nonzero(share)[1].mean()) / share.shape[1] if share.any() else 0.0
    sure = person.presence * (1.0 if person.has_face else FACELESS) * (1 - ASIDE * abs(2 * across - 1))
    return float(min(1.0, 0.5 + 0.5 * sure))


def instance_of(where: Mask, likely: NDArray[np.float32], score: float, *, is_sign: bool) -> Instance | None:
    """Return an instance with the probabilities `likely` (h, w) in the cells `where` and 0 elsewhere, None if there are none."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not rows.size:
        return None
    height, width = where.shape
    # one cell of margin, so that the edge of the map is interpolated towards 0
    y0, y1 = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, height)
    x0, x1 = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, width)
    inside = np.where(where[y0:y1, x0:x1], likely[y0:y1, x0:x1], 0)
    quantised = np.rint(np.clip(inside, 0, 1) * 255).astype(np.uint8)
    box = (x0 / width, y0 / height, x1 / width, y1 / height)
    return Instance(PERSON, score, box, y1 - y0, x1 - x0, quantised.tobytes(), is_sign=is_sign)
