"""Converts the outputs of a Mask R-CNN to instances, whatever library ran it. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.ipc.messages import MAX_INSTANCES
from common.ipc.records import MAX_MAP_SIDE, Instance
from infer.model_folder import CLASSES


def to_instances(
    found: NDArray[np.float32], masks: NDArray[np.float32], confidence: float, threshold: float
) -> tuple[Instance, ...]:
    """Return the instances with a sufficient score.

    Args:
        found: (K, 6): class, score, x0, y0, x1, y1 relative to the picture.
        masks: (K, h, w) probabilities 0..1; row i belongs to row i of `found`.
        confidence: Minimum score.
        threshold: A mask that reaches this probability nowhere is dropped.

    Raises:
        ValueError: A shape is wrong, or a mask is too large for a message.
    """
    if found.ndim != 2 or found.shape[1] != 6 or masks.ndim != 3 or len(masks) != len(found):
        raise ValueError(f"expected (K, 6) of what is found and (K, h, w) masks, got {found.shape} and {masks.shape}")
    height, width = masks.shape[1:]
    if not 1 <= min(height, width) <= max(height, width) <= MAX_MAP_SIDE:
        raise ValueError(f"expected masks of 1..{MAX_MAP_SIDE} cells a side, got {width} x {height}")
    instances = []
    for row, probability in zip(found, masks, strict=True):
        if not np.isfinite(row).all():
            continue
        class_id, score = int(row[0]), float(row[1])
        x0, y0, x1, y1 = (float(v) for v in np.clip(row[2:6], 0, 1))
        if not 0 <= class_id < CLASSES or not confidence <= score or x1 <= x0 or y1 <= y0:
            continue
        if not np.isfinite(probability).all() or probability.max() < threshold:
            continue
        quantised = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
        instances.append(Instance(class_id, min(score, 1.0), (x0, y0, x1, y1), height, width, quantised.tobytes()))
    return tuple(instances[:MAX_INSTANCES])
