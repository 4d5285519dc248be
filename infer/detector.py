"""What finds people in a frame: a Mask R-CNN from a folder beside the embedded who, or that alone where there is none."""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.config import InferSettings
from common.errors import AssetError, ConfigError
from common.messages import Instance
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.witnessed import WitnessedDetector

log = logging.getLogger("onlyme")


class Detector(Protocol):
    """Finds instances in frames.

    least_wh: A picture reduced by halves to no less than this, see Halves, is as good as the whole.
    """

    model: str
    least_wh: tuple[float, float]

    def detect(self, picture: NDArray[np.uint8]) -> tuple[Instance, ...]:
        """Every instance of every class in a picture (H, W, 3) uint8 BGR."""


def open_detector(settings: InferSettings) -> Detector:
    """The Mask R-CNN of `--mask-rcnn` beside the embedded who; that alone where the default folder has no weights.

    Raises:
        ModelError: The folder was named, or has weights, but cannot be used.
        ConfigError: Another backend than OpenCV's own was asked for, and there is no Mask R-CNN.
        AssetError: There is no Mask R-CNN and the embedded who cannot be fetched either.
    """
    is_default = settings.mask_rcnn == InferSettings().mask_rcnn
    if not is_default or list(settings.mask_rcnn.glob("*.pb")):
        return _beside_the_small_networks(MaskRcnn(settings), settings)
    if (settings.backend, settings.target) != ("opencv", "cpu"):
        raise ConfigError(
            f"--backend {settings.backend} --target {settings.target}: expected opencv and cpu for the embedded "
            "who, got another; they are for a Mask R-CNN (make model, or -m FOLDER)"
        )
    return EmbeddedDetector(settings.confidence)


def _beside_the_small_networks(detector: Detector, settings: InferSettings) -> Detector:
    try:
        return WitnessedDetector(detector, settings.threshold)
    except AssetError as error:
        log.warning("people who stand close are told apart by the Mask R-CNN alone: %s", error)
        return detector
