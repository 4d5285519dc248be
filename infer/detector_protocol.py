"""What every detector offers. It is a module of its own so that detectors and what opens them can both import it."""

from __future__ import annotations

from typing import Protocol

from common.ipc.messages import Instance
from common.vision.arrays import BgrImage


class Detector(Protocol):
    """Finds instances in frames.

    Attributes:
        model: Describes the detector to people.
        least_wh: A frame that was halved down to no less than this size (see Halves) gives results as good as the whole.
    """

    model: str
    least_wh: tuple[float, float]

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """Return every instance of every class in a picture."""
