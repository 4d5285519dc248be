"""Who owns which cell, when people stand close. Pure.

A cell is a person's where that person's own mask says so and nobody else is nearer. The matte is not asked: of a whole picture
it misses heads and limbs of who stands far away (IoU 0.67 with it and 0.79 without on dance-twirl of DAVIS), and compose asks
its own, of the person's part of the present picture. Distances are
counted in cells and not in shoulders: else the larger person, in front of the camera, would claim the smaller one behind.
What is in doubt is nobody's, and so is hidden. The rules and their numbers were found on pasted and real pictures of two
people; `python -m tests.bench people` shows what they do.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import Mask
from infer.embedded.witness import SURE_FACE, LoneFace, Person

EVEN = 0.5  # probability from which a cell is somebody's rather than nobody's
REACH = 0.5  # of the own size: what is farther from the own body is a thing or somebody else
CLEARER = 0.05  # by so much the own mask must be higher where both bodies are
OTHERS = 0.2  # beyond the own body, another's mask takes a cell unless the own one is higher by this
FACE_REACH = 0.3  # of a lone face's size: as far from its outline the matte is taken for the same person
JOINED = 0.15  # of the largest part's share in the body: a smaller part does not belong to it
LEAST_JOINED = 8  # cells of a part in the body
LEAST_REGION = 0.004  # of the picture: a smaller region of the matte is a speck
UNCLAIMED = 0.1  # a region of which less is anybody's is somebody who was not found


def shares(people: Sequence[Person], faces: Sequence[LoneFace]) -> list[Mask]:
    """Return what of the picture is each person's, (h, w) bool; no cell is two people's.

    Args:
        people: With outlines and masks on the grid.
        faces: Faces that belong to none of them.
    """
    return [joined((person.mask > EVEN) & _is_own(person, people, faces), person.outline.core) for person in people]


def _is_own(person: Person, people: Sequence[Person], faces: Sequence[LoneFace]) -> Mask:
    """Return (h, w) bool: where a cell is rather this person's than anybody else's."""
    own = person.outline.distance < REACH * person.outline.size
    for other in people:
        if other is not person:
            own &= is_rather(person, other)
    for face in faces:
        own &= is_rather_than_face(person, face)
    return own


def is_rather_than_face(person: Person, face: LoneFace) -> Mask:
    """Return (h, w) bool: where a cell is rather a person's than that of somebody of whom only a face was found.

    A sure face hides even what the body covers: its owner may stand in front.
    """
    nearer = person.outline.distance < face.outline.distance
    return nearer if face.score >= SURE_FACE else nearer | person.outline.core


def is_rather(person: Person, other: Person) -> Mask:
    """Return (h, w) bool: where a cell is rather the one person's than the other's."""
    mine, theirs = person.outline, other.outline
    nearer = mine.distance < theirs.distance
    higher = mine.core & theirs.core & (person.mask > other.mask + CLEARER)
    taken = ~mine.core & (other.mask > EVEN) & (other.mask > person.mask - OTHERS)
    return (nearer | higher) & ~taken


def joined(share: Mask, core: Mask) -> Mask:
    """Return the parts of a share that hang together with the body (`core`) itself."""
    count, parts = cv2.connectedComponents(share.astype(np.uint8))
    within = np.bincount(parts[share & core], minlength=count)
    kept = within >= max(LEAST_JOINED, JOINED * within.max())
    kept[0] = False
    return np.asarray(kept[parts])


def face_share(face: LoneFace, people: Sequence[Person], taken: Sequence[Mask], matte: NDArray[np.float32]) -> Mask:
    """Return (h, w) bool: what is hidden for a face that belongs to nobody who was found.

    Args:
        face: A lone face.
        people: Who was found.
        taken: What is theirs, see `shares`.
        matte: (h, w) float32.
    """
    own = ((matte > EVEN) | face.head) & (face.outline.distance < FACE_REACH * face.outline.size)
    for person in people:
        own &= face.outline.distance <= person.outline.distance
    return own & ~union(taken, own.shape)


def unclaimed(taken: Sequence[Mask], matte: NDArray[np.float32]) -> list[Mask]:
    """Return the regions of the matte that are nearly nobody's, (h, w) bool each."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats((matte > EVEN).astype(np.uint8))
    claimed = np.bincount(parts[union(taken, matte.shape)], minlength=count)
    areas = stats[:, cv2.CC_STAT_AREA]
    left = (areas > LEAST_REGION * matte.size) & (claimed < UNCLAIMED * areas)
    return [parts == part for part in range(1, count) if left[part]]


def union(shares_: Sequence[Mask], shape: tuple[int, ...]) -> Mask:
    """Return (h, w) bool: where any of these is."""
    return np.logical_or.reduce(list(shares_)) if shares_ else np.zeros(shape, np.bool_)
