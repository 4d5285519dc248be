"""What finds people in a frame: a Mask R-CNN from a folder, or the embedded who where there is none."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.config import InferSettings
from common.errors import ConfigError
from common.messages import Instance
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn


class Detector(Protocol):
    """Finds instances in frames.

    least_wh: A picture reduced by halves to no less than this, see Halves, is as good as the whole.
    """

    model: str
    least_wh: tuple[float, float]

    def detect(self, picture: NDArray[np.uint8]) -> tuple[Instance, ...]:
        """Every instance of every class in a picture (H, W, 3) uint8 BGR."""


def open_detector(settings: InferSettings) -> Detector:
    """The Mask R-CNN of `--mask-rcnn`; the embedded who where the default folder has no weights.

    Raises:
        ModelError: The folder was named, or has weights, but cannot be used.
        ConfigError: Another backend than OpenCV's own was asked for, and there is no Mask R-CNN.
        AssetError: There is no Mask R-CNN and the embedded who cannot be fetched either.
    """
    is_default = settings.mask_rcnn == InferSettings().mask_rcnn
    if not is_default or list(settings.mask_rcnn.glob("*.pb")):
        return MaskRcnn(settings)
    if (settings.backend, settings.target) != ("opencv", "cpu"):
        raise ConfigError(
            f"--backend {settings.backend} --target {settings.target}: expected opencv and cpu for the embedded "
            "who, got another; they are for a Mask R-CNN (make model, or -m FOLDER)"
        )
    return EmbeddedDetector(settings.confidence)
