"""Assigns cells to people who stand close to each other. Pure.

A cell belongs to a person if that person's own mask contains it and nobody else is nearer. The matte is not used: on a
whole picture it misses heads and limbs of people far away (IoU 0.67 with it and 0.79 without on dance-twirl of DAVIS), and
compose runs it on the person's part of the present frame. Distances are measured in cells, not in shoulder widths: else a
large person in front of the camera would get the cells of a smaller one behind. A cell in doubt belongs to nobody, and is
hidden. The rules and their numbers were found on pasted and real pictures of two
people; `python -m tests.bench people` shows what they do.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from common.vision.arrays import Mask
from infer.embedded.people import SURE_FACE, LoneFace, Person

EVEN = 0.5  # probability above which a cell belongs to a person
REACH = 0.5  # of the person's size: cells farther from the body belong to a thing or to another person
CLEARER = 0.05  # by so much a person's mask must be higher than another's where both bodies overlap
OTHERS = 0.2  # outside the person's body, another's mask takes a cell unless the own mask is higher by this
FACE_REACH = 0.3  # of a lone face's size: the matte within this distance of its outline belongs to that person
JOINED = 0.15  # a part needs at least this share of the body cells that the largest part has
LEAST_JOINED = 8  # minimum of a part's cells inside the body
LEAST_REGION = 0.004  # of the picture: smaller regions of the matte are noise
UNCLAIMED = 0.1  # a region with a smaller share of assigned cells is a person who was not found


def shares(people: Sequence[Person], faces: Sequence[LoneFace]) -> list[Mask]:
    """Return the cells of each person, (h, w) bool each. No cell belongs to two people.

    Args:
        people: People with outlines and masks on the grid.
        faces: Faces that belong to none of them.
    """
    return [joined((person.mask > EVEN) & _is_own(person, people, faces), person.outline.core) for person in people]


def _is_own(person: Person, people: Sequence[Person], faces: Sequence[LoneFace]) -> Mask:
    """Return (h, w) bool, the cells that rather belong to this person than to anybody else."""
    own = person.outline.distance < REACH * person.outline.size
    for other in people:
        if other is not person:
            own &= is_rather(person, other)
    for face in faces:
        own &= is_rather_than_face(person, face)
    return own


def is_rather_than_face(person: Person, face: LoneFace) -> Mask:
    """Return (h, w) bool, the cells that rather belong to a person than to the owner of a lone face.

    A face with a high score takes even cells of the body, because its owner may stand in front.
    """
    nearer = person.outline.distance < face.outline.distance
    return nearer if face.score >= SURE_FACE else nearer | person.outline.core


def is_rather(person: Person, other: Person) -> Mask:
    """Return (h, w) bool, the cells that rather belong to `person` than to `other`."""
    mine, theirs = person.outline, other.outline
    nearer = mine.distance < theirs.distance
    higher = mine.core & theirs.core & (person.mask > other.mask + CLEARER)
    taken = ~mine.core & (other.mask > EVEN) & (other.mask > person.mask - OTHERS)
    return (nearer | higher) & ~taken


def joined(share: Mask, core: Mask) -> Mask:
    """Return the connected parts of a person's cells that are connected with the body (`core`)."""
    count, parts = cv2.connectedComponents(share.astype(np.uint8))
    within = np.bincount(parts[share & core], minlength=count)
    kept = within >= max(LEAST_JOINED, JOINED * within.max())
    kept[0] = False
    return np.asarray(kept[parts])


def face_share(face: LoneFace, people: Sequence[Person], taken: Sequence[Mask], matte: NDArray[np.float32]) -> Mask:
    """Return (h, w) bool, the cells to hide for a lone face.

    Args:
        face: A face that belongs to none of the people.
        people: People whose bodies were found.
        taken: Their cells, see `shares`.
        matte: (h, w) float32.
    """
    own = ((matte > EVEN) | face.head) & (face.outline.distance < FACE_REACH * face.outline.size)
    for person in people:
        own &= face.outline.distance <= person.outline.distance
    return own & ~union(taken, own.shape)


def unclaimed(taken: Sequence[Mask], matte: NDArray[np.float32]) -> list[Mask]:
    """Return the regions of the matte of which hardly any cell is assigned, (h, w) bool each."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats((matte > EVEN).astype(np.uint8))
    claimed = np.bincount(parts[union(taken, matte.shape)], minlength=count)
    areas = stats[:, cv2.CC_STAT_AREA]
    left = (areas > LEAST_REGION * matte.size) & (claimed < UNCLAIMED * areas)
    return [parts == part for part in range(1, count) if left[part]]


def union(shares_: Sequence[Mask], shape: tuple[int, ...]) -> Mask:
    """Return (h, w) bool, the cells that any of the shares contains."""
    return np.logical_or.reduce(list(shares_)) if shares_ else np.zeros(shape, np.bool_)
