"""Runs a Mask R-CNN with cv2.dnn: the tutorial's, or another one of TensorFlow's object detection."""

from __future__ import annotations

import cv2
import numpy as np

from common.errors import ModelError
from common.ipc.fields import printable
from common.ipc.records import DetectorKind, Instance
from common.runtime.install import MODEL_COMMAND
from common.vision.arrays import BgrImage
from infer.graph import limit_work
from infer.instances import to_instances
from infer.model_folder import CLASSES, find_model
from infer.scaled import LEAST_SIDE, is_too_small, scaled
from infer.settings import InferSettings

OUTPUTS = ["detection_out_final", "detection_masks"]


class MaskRcnn:
    """Run a Mask R-CNN with cv2.dnn.

    Args:
        settings: Folder, sizes and limits.

    Raises:
        ModelError: A file is missing or damaged, or the files do not belong together.
    """

    kind = DetectorKind.MASK_RCNN

    def __init__(self, settings: InferSettings) -> None:
        folder = settings.mask_rcnn
        weights, graph = find_model(folder)
        text = limit_work(graph.read_text(errors="replace"), settings.proposals, settings.detections)
        try:
            self._net = cv2.dnn.readNetFromTensorflow(
                np.fromfile(weights, np.uint8), np.frombuffer(text.encode(), np.uint8)
            )
            self._width, self._confidence, self._threshold = (
                settings.infer_width, settings.confidence, settings.threshold,
            )  # fmt: skip
            self.detect(np.zeros((240, 320, 3), np.uint8))  # cv2.dnn builds the graph in the first forward pass
        except (cv2.error, ValueError) as error:
            reason = error.err if isinstance(error, cv2.error) else str(error)
            raise ModelError(
                f"--mask-rcnn: expected weights and graph that belong together, got {weights} "
                f"({weights.stat().st_size} bytes) with {graph.name}, which cv2.dnn cannot run ({reason.strip():.160}); "
                f"fetch the model again ({MODEL_COMMAND})"
            ) from None
        self.model = printable(f"Mask R-CNN of {folder.name}/{weights.name}")
        self.least_wh = (float(self._width), float(LEAST_SIDE))

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector. The picture is resized to the area of `--infer-width`."""
        if is_too_small(picture):
            return ()
        self._net.setInput(cv2.dnn.blobFromImage(scaled(picture, self._width), swapRB=True, crop=False))
        found, masks = self._net.forward(OUTPUTS)
        if found.ndim != 4 or found.shape[3] != 7 or masks.ndim != 4 or masks.shape[1] < CLASSES:
            raise ValueError(f"expected outputs (1, 1, K, 7) and (K, 90, h, w), got {found.shape} and {masks.shape}")
        rows = found[0, 0, : len(masks), 1:]
        class_ids = np.clip(np.nan_to_num(rows[:, 0]), 0, CLASSES - 1).astype(int)
        return to_instances(rows, masks[np.arange(len(rows)), class_ids], self._confidence, self._threshold)
