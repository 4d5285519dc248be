"""The leak oracle: how much of the demo scene's wall can be made out where no person is.

The wall carries a checkerboard of known phase, cells of `PATTERN_CELL` pixels, `PATTERN_AMPLITUDE` (28) grey levels up
and down. The picture, less its mean over one period, is correlated with it in windows of `WINDOW` pixels: a wall shown
as it is gives 28, a wall at an opacity of a tenth 2.8, a wall blurred by the weakest kernel that is allowed (15) 0.25 at
most, by the default (41) 0.13. What counts is the *worst window*, so a strip is found wherever it is, however small.

In a composite that says it is hidden, no window at all may be over the bound. In one that says it is live, windows may
be that touch a person's exact mask, dilated by a margin: `EDGES`, what the edge of the masks may be off, plus what
that person moves at most while the mask ages. The age is the one that the composite itself states; one over the limit
is a leak whatever the pixels show.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import CROSSING_S, PATTERN_CELL, SWAY_S, DemoScene
from common.messages import FrameComposed
from compose.painter import paint_card

WINDOW = 16  # pixels; a whole number of periods of the pattern, so that flat colour correlates with nothing
BOUND = 1.0  # grey levels of 28: four times the worst hidden frame, and a wall at an opacity of a twenty-eighth
# what a mask's edge may be off, as a share of the height: the blend's feather; a cell of Mask R-CNN's map, 38 pixels of
# a person who fills 80 % of 720p; the embedded matte, which takes wall between two people for person
EDGES = {"exact": 12 / 360, "mask-rcnn": 48 / 720, "embedded": 120 / 720}
SCALE = 4  # masks are dilated at a fourth of the size, rounded outwards
ALWAYS_LEAKS = 255.0

Picture = NDArray[np.uint8]


class LeakOracle:
    """Judges composites of one demo scene.

    Args:
        scene: The scene that capture plays, of the same size and rate.
        max_age_ms: `--max-mask-age` of the call.
        masks: Who made the masks, a key of EDGES.
    """

    def __init__(self, scene: DemoScene, max_age_ms: float = 750, masks: str = "mask-rcnn") -> None:
        width, height = scene.size_wh
        y, x = np.mgrid[:height, :width]
        self._checker = ((x // PATTERN_CELL + y // PATTERN_CELL) % 2 * 2 - 1).astype(np.float32)
        self.size_wh = scene.size_wh
        self._scene, self._max_age_ms = scene, max_age_ms
        self._edge = EDGES[masks] * height
        # pixels a second: the greatest speed of the sway, and the walk from edge to edge (see DemoScene._cast)
        self._speeds = (0.05 * width * 2 * math.pi / SWAY_S, 1.5 * width / CROSSING_S)

    def leak(self, picture: Picture, composite: FrameComposed) -> float:
        """Grey levels of the pattern in the worst window where there must be none."""
        if composite.state == "lost":
            card = np.empty_like(picture)
            paint_card(composite.reason, card)
            return 0.0 if np.array_equal(picture, card) else ALWAYS_LEAKS
        if composite.state == "live" and not 0 <= composite.mask_age_ms <= self._max_age_ms:
            return ALWAYS_LEAKS
        energy = self.energy(picture)
        if composite.state == "live":
            energy[self._allowed(composite.source_index, composite.mask_age_ms)] = 0
        return float(energy.max())

    def energy(self, picture: Picture) -> NDArray[np.float32]:
        """(H, W) float32: the pattern's amplitude in grey levels in the window around each pixel."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        grey -= cv2.blur(grey, (2 * PATTERN_CELL,) * 2)  # one period: the pattern stays whole, slopes and edges go
        found: NDArray[np.float32] = np.abs(cv2.boxFilter(grey * self._checker, -1, (WINDOW, WINDOW)))
        return found

    def _allowed(self, index: int, age_ms: float) -> NDArray[np.bool_]:
        """(H, W) bool: windows that may hold what lies within the margin of a person in frame `index`."""
        near = None
        for mask, speed in zip(self._scene.masks(index), self._speeds, strict=True):
            margin = self._edge + speed * age_ms / 1000 + WINDOW / 2
            kernel = np.ones((2 * math.ceil(margin / SCALE) + 1,) * 2, np.uint8)
            small = cv2.resize(
                mask.astype(np.uint8) * 255, None, fx=1 / SCALE, fy=1 / SCALE, interpolation=cv2.INTER_AREA
            )
            here = cv2.dilate((small > 0).astype(np.uint8), kernel)
            near = here if near is None else near | here
        return np.asarray(cv2.resize(near, self._scene.size_wh, interpolation=cv2.INTER_NEAREST)) > 0
