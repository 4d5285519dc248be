"""Tells where one person who is alone in view may move without a new inference. Pure.

compose propagates the area of that person with the picture's motion and the matte, and is as exact after a second as after
a tenth of one. What compose cannot know is whether somebody else comes in. Whoever comes in moves something outside that
area.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from common.ipc.records import Instance
from common.vision.arrays import Mask
from common.vision.coco import PERSON
from common.vision.grid import on_grid

MIN_PROBABILITY = 0.1  # a cell at or above this may belong to the person
MARGIN_CELLS = 3  # around the person, 2 % of the width: motion there is taken for the person's own


def lone_person(instances: Iterable[Instance]) -> Instance | None:
    """Return the person if there is exactly one among the instances, else None. Signs of people do not count."""
    people = [i for i in instances if i.class_id == PERSON and not i.is_sign]
    return people[0] if len(people) == 1 else None


def own_cells(person: Instance, size_wh: tuple[int, int]) -> Mask:
    """Return (h, w) bool, the cells in which motion is taken for the person's own.

    Args:
        person: Person with its probability map.
        size_wh: Columns and rows of the grid over the picture.
    """
    kernel = np.ones((2 * MARGIN_CELLS + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(on_grid(person, size_wh, MIN_PROBABILITY), kernel) > 0)
