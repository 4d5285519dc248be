"""What finds people in a frame: a Mask R-CNN from a folder, or the small matte where there is none."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from common.assets import MATTE, fetch
from common.backends import choose
from common.config import InferSettings
from common.errors import ConfigError, ModelError
from common.halves import Halves
from common.matte import LEAST_WH, Matte
from common.messages import MAX_INSTANCES, Instance, printable
from common.model import CLASSES, find_model
from infer.graph import limit_work

Picture = NDArray[np.uint8]
OUTPUTS = ["detection_out_final", "detection_masks"]
MATTE_CUT = 0.5
SMALLEST_REGION = 0.005  # share of the picture; smaller specks are noise of the matte
EMBEDDED = "embedded matte (no Mask R-CNN here: run `make model` or set ONLYME_MASK_RCNN)"


class Detector(Protocol):
    """Finds instances in frames.

    least_wh: A picture reduced by halves to no less than this, see Halves, is as good as the whole.
    """

    model: str
    least_wh: tuple[float, float]

    def detect(self, picture: Picture) -> tuple[Instance, ...]:
        """Every instance of every class in a picture (H, W, 3) uint8 BGR."""


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

    def detect(self, picture: Picture) -> tuple[Instance, ...]:
        """See Detector. The network sees the picture at `--infer-width`; boxes are relative, so nothing else changes."""
        width = min(self._width, picture.shape[1])
        size_wh = (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
        small = cv2.resize(Halves(picture).at_least(*size_wh), size_wh, interpolation=cv2.INTER_LINEAR)
        self._net.setInput(cv2.dnn.blobFromImage(small, swapRB=True, crop=False))
        found, masks = self._net.forward(OUTPUTS)
        if found.ndim != 4 or found.shape[3] != 7 or masks.ndim != 4 or masks.shape[1] < CLASSES:
            raise ValueError(f"expected outputs (1, 1, K, 7) and (K, 90, h, w), got {found.shape} and {masks.shape}")
        return to_instances(found[0, 0], masks, self._confidence, self._threshold)


class MatteDetector:
    """The embedded "who": each connected region of the person matte is an instance of class 0.

    Its score is the region's mean probability, so the surest region comes first. It cannot tell two people who touch
    from one; Mask R-CNN can.

    Raises:
        ConfigError: Another backend than OpenCV's own was asked for.
        AssetError: The matte cannot be fetched.
    """

    model = EMBEDDED
    least_wh = LEAST_WH

    def __init__(self, settings: InferSettings) -> None:
        if (settings.backend, settings.target) != ("opencv", "cpu"):
            raise ConfigError(
                f"--backend {settings.backend} --target {settings.target}: expected opencv and cpu for the embedded "
                "matte, got another; they are for a Mask R-CNN (make model, or -m FOLDER)"
            )
        self._matte = Matte(fetch(MATTE))
        self._confidence = settings.confidence

    def detect(self, picture: Picture) -> tuple[Instance, ...]:
        """See Detector."""
        return to_regions(self._matte.infer(picture), self._confidence)


def open_detector(settings: InferSettings) -> Detector:
    """The Mask R-CNN of `--mask-rcnn`; the embedded matte where the default folder has no weights.

    Raises:
        ModelError: The folder was named, or has weights, but cannot be used.
        AssetError: There is no Mask R-CNN and the matte cannot be fetched either.
    """
    is_default = settings.mask_rcnn == InferSettings().mask_rcnn
    if is_default and not list(settings.mask_rcnn.glob("*.pb")):
        return MatteDetector(settings)
    return MaskRcnn(settings)


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


def to_regions(likely: NDArray[np.float32], confidence: float) -> tuple[Instance, ...]:
    """Each connected region of (h, w) person probabilities 0..1 as an instance, the surest first."""
    height, width = likely.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((likely > MATTE_CUT).astype(np.uint8))
    instances = []
    for label in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[label])
        if area < SMALLEST_REGION * width * height:
            continue
        # one cell of margin keeps the soft edge of the region, which lies just outside its cut
        x0, y0, x1, y1 = max(x - 1, 0), max(y - 1, 0), min(x + w + 1, width), min(y + h + 1, height)
        inside = labels[y0:y1, x0:x1]
        here = np.where((inside == label) | (inside == 0), likely[y0:y1, x0:x1], 0)
        score = float(np.clip(likely[labels == label].mean(), 0, 1))
        if score >= confidence:
            box = (x0 / width, y0 / height, x1 / width, y1 / height)
            quantised = np.rint(np.clip(here, 0, 1) * 255).astype(np.uint8)
            instances.append(Instance(0, score, box, y1 - y0, x1 - x0, quantised.tobytes()))
    return tuple(sorted(instances, key=lambda i: i.score, reverse=True)[:MAX_INSTANCES])
