"""Where one person alone may move without being looked for anew at once. Pure.

compose rolls that person's area on with the picture's own motion and its matte, as exactly after a second as after a tenth
(docs/how-it-works.md, "The governor"). What it cannot know is who comes, and who comes moves something outside of that area.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.messages import Instance
from common.vision.coco import PERSON
from common.vision.grid import on_grid

LEAST = 0.1  # probability from which a cell may be the person's
MARGIN = 3  # cells around the person in which motion is its own: 2 % of the width

Cells = NDArray[np.bool_]


def lone_person(instances: Iterable[Instance]) -> Instance | None:
    """Return the only person among instances, None where there is not exactly one; signs of somebody do not count."""
    people = [i for i in instances if i.class_id == PERSON and not i.is_sign]
    return people[0] if len(people) == 1 else None


def own_cells(person: Instance, size_wh: tuple[int, int]) -> Cells:
    """Return the cells in which motion is a person's own, (h, w) bool.

    Args:
        person: With its map.
        size_wh: Columns and rows of cells over the picture.
    """
    return np.asarray(cv2.dilate(on_grid(person, size_wh, LEAST), np.ones((2 * MARGIN + 1,) * 2, np.uint8)) > 0)
