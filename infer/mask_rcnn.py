"""Mask R-CNN through cv2.dnn: the tutorial's own, or any that TensorFlow's object detection wrote."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from common.backends import choose
from common.config import InferSettings
from common.errors import ModelError
from common.halves import Halves
from common.messages import MAX_INSTANCES, Instance, printable
from common.model import CLASSES, find_model
from infer.graph import limit_work

OUTPUTS = ["detection_out_final", "detection_masks"]


class MaskRcnn:
    """Mask R-CNN through cv2.dnn.

    Args:
        settings: Folder, sizes, limits, backend.

    Raises:
        ModelError: A file is missing, damaged, or does not belong to the others.
        ConfigError: The backend is not in this build.
    """

    def __init__(self, settings: InferSettings) -> None:
        backend, target = choose(settings.backend, settings.target)
        folder = settings.mask_rcnn
        weights, graph = find_model(folder)
        text = limit_work(graph.read_text(errors="replace"), settings.proposals, settings.detections)
        try:
            self._net = cv2.dnn.readNetFromTensorflow(
                np.fromfile(weights, np.uint8), np.frombuffer(text.encode(), np.uint8)
            )
            self._net.setPreferableBackend(backend)
            self._net.setPreferableTarget(target)
            self._width, self._confidence, self._threshold = (
                settings.infer_width, settings.confidence, settings.threshold,
            )  # fmt: skip
            self.detect(np.zeros((240, 320, 3), np.uint8))  # the graph is only really built by a first pass
        except (cv2.error, ValueError) as error:
            reason = error.err if isinstance(error, cv2.error) else str(error)
            raise ModelError(
                f"--mask-rcnn: expected weights and graph that belong together, got {weights} "
                f"({weights.stat().st_size} bytes) with {graph.name}, which cv2.dnn cannot run ({reason.strip():.160}); "
                "fetch the model again (make model)"
            ) from None
        self.model = printable(f"Mask R-CNN of {folder.name}/{weights.name}")
        self.least_wh = (float(self._width), 1.0)

    def detect(self, picture: NDArray[np.uint8]) -> tuple[Instance, ...]:
        """See Detector. The network sees the picture at `--infer-width`; boxes are relative, so nothing else changes."""
        width = min(self._width, picture.shape[1])
        size_wh = (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
        small = cv2.resize(Halves(picture).at_least(*size_wh), size_wh, interpolation=cv2.INTER_LINEAR)
        self._net.setInput(cv2.dnn.blobFromImage(small, swapRB=True, crop=False))
        found, masks = self._net.forward(OUTPUTS)
        if found.ndim != 4 or found.shape[3] != 7 or masks.ndim != 4 or masks.shape[1] < CLASSES:
            raise ValueError(f"expected outputs (1, 1, K, 7) and (K, 90, h, w), got {found.shape} and {masks.shape}")
        return to_instances(found[0, 0], masks, self._confidence, self._threshold)


def to_instances(
    found: NDArray[np.float32], masks: NDArray[np.float32], confidence: float, threshold: float
) -> tuple[Instance, ...]:
    """Instances from the network's outputs.

    Args:
        found: (K, 7) of batch, class, score, x0, y0, x1, y1 relative to the picture.
        masks: (K, 90, h, w) probabilities 0..1; row i belongs to row i of `found`.
        confidence: Rows below are left out.
        threshold: A mask that nowhere reaches it shows nothing and is left out.
    """
    instances = []
    for row, maps in zip(found, masks, strict=False):
        if not np.isfinite(row).all():
            continue
        class_id, score = int(row[1]), float(row[2])
        x0, y0, x1, y1 = (float(v) for v in np.clip(row[3:7], 0, 1))
        if not 0 <= class_id < CLASSES or not confidence <= score or x1 <= x0 or y1 <= y0:
            continue
        probability = maps[class_id]
        if not np.isfinite(probability).all() or probability.max() < threshold:
            continue
        quantised = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
        height, width = quantised.shape
        instances.append(Instance(class_id, min(score, 1.0), (x0, y0, x1, y1), height, width, quantised.tobytes()))
    return tuple(instances[:MAX_INSTANCES])
