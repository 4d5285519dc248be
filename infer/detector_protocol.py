"""What every detector offers. It is a module of its own so that detectors and what opens them can both import it."""

from __future__ import annotations

from typing import Protocol

from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage


class Detector(Protocol):
    """Finds instances in frames.

    Attributes:
        model: Name of the networks, for people to read.
        kind: Kind of the detector.
        least_wh: Width and height in pixels. A pyramid level of at least this size gives results as good as the whole frame.
    """

    model: str
    kind: DetectorKind
    least_wh: tuple[float, float]

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """Return every instance of every class in a picture."""
