"""The probability map of an instance, by itself and drawn on a grid over the whole picture. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from common.ipc.records import Instance
from common.vision.arrays import SoftMask


def probability_map(instance: Instance) -> SoftMask:
    """Return the probabilities inside an instance's box, (map_height, map_width) uint8; they cannot be changed."""
    return np.frombuffer(instance.probability, np.uint8).reshape(instance.map_height, instance.map_width)


def likely_on_grid(instance: Instance, wh: tuple[int, int]) -> SoftMask:
    """Return an instance's probability at each cell of a grid of `wh`, (h, w) uint8; 0 outside its box."""
    canvas = np.zeros(wh[::-1], np.uint8)
    left, top = int(instance.box_xyxy[0] * wh[0]), int(instance.box_xyxy[1] * wh[1])
    right, bottom = int(np.ceil(instance.box_xyxy[2] * wh[0])), int(np.ceil(instance.box_xyxy[3] * wh[1]))
    small = probability_map(instance)
    canvas[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return canvas


def on_grid(instance: Instance, wh: tuple[int, int], threshold: float) -> SoftMask:
    """Return (h, w) uint8: 255 where an instance's probability is above `threshold` (0..1), else 0."""
    likely = likely_on_grid(instance, wh)
    return np.asarray(cv2.threshold(likely, threshold * 255, 255, cv2.THRESH_BINARY)[1], np.uint8)
