"""The subject from frame to frame: who it is, where it may be, and its alpha on the present frame."""

from __future__ import annotations

import logging
from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from common.assets import MATTE, fetch
from common.config import ComposeSettings
from common.errors import AssetError
from common.matte import Matte
from common.messages import FrameCaptured, Instance, MasksInferred
from compose import alpha
from compose.alpha import Alpha
from compose.matte import edge, padded, scaled
from compose.region import HISTORY, GridBox, Map, Region, grid_wh, on_grid
from compose.subject import Candidate, SubjectLock, by_hand, look_of, people_of

Picture = NDArray[np.uint8]

log = logging.getLogger("onlyme")


class Tracker:
    """Follows the subject through one stream after the other.

    Args:
        settings: Who may be the subject, and how sure one must be.
        matte: Finds the edge on the present frame; None: the result's own mask is used as it is.
    """

    def __init__(self, settings: ComposeSettings, matte: Matte | None) -> None:
        self._settings, self._matte = settings, matte
        self._lock = SubjectLock()
        self._epoch = 0
        self._size_wh = self._wh = (0, 0)
        self._region = Region()
        self._area: Map | None = None
        self._asked: int | None = None
        self._smalls: OrderedDict[int, Picture] = OrderedDict()

    def see(self, frame: FrameCaptured, picture: Picture) -> None:
        """The present frame, (H, W, 3) uint8 BGR; another stream is another beginning."""
        if frame.epoch != self._epoch:
            self._epoch = frame.epoch
            self._size_wh = (frame.width, frame.height)
            self._wh = grid_wh(self._size_wh)
            self._region, self._area = Region(), None
            self._lock.clear()
            self._smalls.clear()
        self._smalls[frame.frame_id] = cv2.resize(picture, self._wh, interpolation=cv2.INTER_NEAREST)
        if len(self._smalls) > HISTORY:
            self._smalls.popitem(last=False)

    def ask(self, number: int) -> None:
        """Somebody chose by hand, of the people in the next result: person `number` from the left, 0 for the next."""
        if self._settings.subject == "lock":
            self._asked = number
        else:
            log.info("the subject cannot be chosen by hand with --subject %s", self._settings.subject)

    def choose(self, result: MasksInferred) -> tuple[Instance, ...]:
        """Who stays sharp among a result's instances; nobody where the subject is not among them."""
        if result.epoch != self._epoch:
            return ()
        people = people_of(result.instances, self._settings.confidence)
        areas = [on_grid(i, self._wh, self._settings.threshold) for i in people]
        chosen = self._chosen(result.frame_id, areas)
        mine, others = (np.zeros(self._wh[::-1], np.uint8) for _ in range(2))
        for number, area in enumerate(areas):
            into = mine if number in chosen else others
            np.maximum(into, area, out=into)
        self._area = mine
        self._region.seed(result.frame_id, mine, cv2.bitwise_and(others, cv2.bitwise_not(mine)))
        return tuple(people[number] for number in chosen)

    def alpha(self, frame: FrameCaptured, picture: Picture, subjects: tuple[Instance, ...]) -> Alpha:
        """What of the present frame is the subject."""
        if self._matte is None:
            return alpha.of_instances(subjects, self._size_wh, self._settings.threshold, self._settings.edge)
        area = self._region.area
        if area is None or not area.any():
            return alpha.NOBODY
        box: GridBox = padded(area)
        x0, y0, x1, y1 = pixels = scaled(box, self._wh, self._size_wh)
        likely = np.rint(self._matte.infer(picture[y0:y1, x0:x1]) * 255).astype(np.uint8)
        return edge(self._region.roll(frame.frame_id, likely, box), likely, box, pixels)

    def _chosen(self, frame_id: int, areas: list[Map]) -> list[int]:
        """Which of the people, the surest first, stay sharp."""
        if self._settings.subject == "all":
            return list(range(len(areas)))
        if self._settings.subject == "top":
            return [0][: len(areas)]
        small = self._smalls.get(frame_id)
        candidates = [Candidate(area, None if small is None else look_of(small, area)) for area in areas]
        known = self._region.at(frame_id)
        found = self._lock.follow(candidates, self._area if known is None else known)
        if self._asked is not None and candidates:
            found = by_hand(self._asked, [cv2.boundingRect(area)[0] for area in areas], found)
            self._asked = None
            self._lock.take(candidates[found])
            log.info("the subject was chosen by hand")
        return [] if found is None else [found]


def open_tracker(settings: ComposeSettings) -> Tracker:
    """The tracker that `--refine` asks for; without the matte's file the results' own masks are used, and said so."""
    if settings.refine == "none" or settings.edge == "hard":  # the hard edge is the tutorial itself
        return Tracker(settings, None)
    try:
        return Tracker(settings, Matte(fetch(MATTE)))
    except AssetError as error:
        log.warning("no matte on the present frame, the results' own masks are used: %s", error)
        return Tracker(settings, None)
