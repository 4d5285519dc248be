"""Choose how the subject's edge on the present frame is found."""

from __future__ import annotations

import logging
from typing import Protocol

from common.errors import AssetError
from common.vision.arrays import BgrImage, FloatMap
from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from compose.picture.alpha import Alpha
from compose.picture.guided_edge import GuidedEdge
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.settings import ComposeSettings
from compose.who.region import PresentFrame, Region

log = logging.getLogger("onlyme")


class Edge(Protocol):
    """Finds the subject's edge on the present frame."""

    bounds: bool  # True: the region only bounds what is found on the present frame. False: nothing else is known

    def reset(self) -> None:
        """Forget the frames so far: another epoch begins, perhaps with another shape."""

    def likely_in(self, part: BgrImage) -> FloatMap | None:
        """Return the probability of a person in a part of the newest picture, (h, w, 3) uint8 BGR: (h', w') float32, 0..1. Call it once
        a frame. None without a network that knows, on frames that the governor spares, and of a part without pixels."""

    def refine(self, present: PresentFrame, region: Region, age_ns: int) -> Alpha:
        """Propagate the region to the present frame, and return the subject's alpha there.

        Args:
            present: The frame that is shown.
            region: The subject's area; it is changed.
            age_ns: Age of the last result.
        """


def open_edge(settings: ComposeSettings, pace: MattePace) -> Edge | None:
    """Return what `--refine` names, None for a result's own mask. Without the matte's file use the guided filter, and log it.

    Args:
        settings: With `--refine` and `--edge`.
        pace: How often the matte runs.
    """
    if settings.refine == "none" or settings.edge == "hard":  # the hard edge is what the tutorial does
        return None
    if settings.refine == "guided":
        return GuidedEdge()
    try:
        return MatteEdge(Matte(fetch(MATTE)), pace)
    except AssetError as error:
        log.warning("no matte on the present frame, --refine guided is used: %s", error)
        return GuidedEdge()
