"""Runs a Mask R-CNN with ONNX Runtime, on the processor or another device.

Inputs of the file: `image` (H, W, 3) uint8 BGR, of the size that the file states or of any size. Optional inputs:
`proposals` (1,) int64, the number of regions that are examined; `detections` (1,) int64, the number of objects that are
returned; `confidence` (1,) float32, the score that they exceed. Outputs for K objects, highest score first: `boxes` (K, 4)
x0, y0, x1, y1 relative to the picture, `scores` (K,) 0..1, `classes` (K,) int64 0..89 as in common/vision/coco.py, `masks`
(K, h, w) 0..1 inside the box.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from common.errors import DeviceError
from common.ipc.fields import printable
from common.ipc.records import DetectorKind, Instance
from common.vision.arrays import BgrImage
from infer.instances import to_instances
from infer.onnx_session import ERRORS, open_session, reason_of
from infer.scaled import LEAST_SIDE, is_too_small, scaled
from infer.settings import CPU, InferSettings

OUTPUTS = {"boxes": "tensor(float)", "scores": "tensor(float)", "classes": "tensor(int64)", "masks": "tensor(float)"}
MOST_BYTES = 1 << 30
MOST_SIDE = 4096


class OnnxMaskRcnn:
    """Run a Mask R-CNN with ONNX Runtime on one device.

    On the processor it uses as many threads as OpenCV (cv2.setNumThreads), which the loop sets.

    Args:
        file: The .onnx file.
        device: A key of PROVIDERS.
        settings: Sizes and limits.

    Raises:
        DeviceError: The file is damaged, too large or has other inputs or outputs, or the device cannot run it.
    """

    kind = DetectorKind.MASK_RCNN

    def __init__(self, file: Path, device: str, settings: InferSettings) -> None:
        if file.stat().st_size > MOST_BYTES:
            raise DeviceError(f"expected at most {MOST_BYTES >> 20} MiB")
        self.device, self._file, self._settings = device, file, settings
        self._opened: onnxruntime.InferenceSession | None = None
        self._threads = 0  # of what is opened
        session = self._session()
        self._size_wh = fixed_size_wh(session)
        limits = {"confidence": np.array([settings.confidence], np.float32)}
        counts = {"proposals": settings.proposals, "detections": settings.detections}
        limits |= {name: np.array([most]) for name, most in counts.items() if most}  # 0 leaves the file's own
        taken = {i.name for i in (*session.get_inputs(), *session.get_overridable_initializers())}
        self._limits = {name: value for name, value in limits.items() if name in taken}
        self.model = printable(f"Mask R-CNN of {file.parent.name}/{file.name}")
        self.least_wh = self._size_wh or (float(settings.infer_width), float(LEAST_SIDE))

    def detect(self, picture: BgrImage) -> tuple[Instance, ...]:
        """See Detector. Boxes are relative, so the size at which the network sees the picture changes nothing else.

        Raises:
            DeviceError: The device has failed.
        """
        if is_too_small(picture):
            return ()
        small = scaled(picture, self._settings.infer_width, self._size_wh)
        try:
            boxes, scores, classes, masks = self._session().run(list(OUTPUTS), {"image": small, **self._limits})
        except ERRORS as error:
            raise DeviceError(f"{self.device} has failed: {reason_of(error)}") from None
        found = np.column_stack((classes, scores, boxes)).astype(np.float32)
        return to_instances(found, masks, self._settings.confidence, self._settings.threshold)

    def _session(self) -> onnxruntime.InferenceSession:
        """Return the session. Reopens it if the number of threads has changed, which is fixed for an open session."""
        threads = cv2.getNumThreads() if self.device == CPU else 1
        if threads != self._threads:
            self._opened, self._threads = None, 0  # free it first: two sessions would take 60 MB more
            self._opened, self._threads = open_session(self._file, self.device, threads), threads
        assert self._opened is not None
        return self._opened


def fixed_size_wh(session: onnxruntime.InferenceSession) -> tuple[int, int] | None:
    """Return width and height of the pictures that a network accepts, None if it accepts any.

    Raises:
        DeviceError: The inputs or outputs are not those that the module describes.
    """
    images = [i for i in session.get_inputs() if i.name == "image" and i.type == "tensor(uint8)" and len(i.shape) == 3]
    given = {output.name: output.type for output in session.get_outputs()}
    if not images or images[0].shape[2] != 3 or not OUTPUTS.items() <= given.items():
        inputs = [f"{i.name} {i.type} {i.shape}" for i in session.get_inputs()]
        raise DeviceError(
            f"expected an input image tensor(uint8) [H, W, 3] and outputs {', '.join(OUTPUTS)}, got the inputs "
            f"{printable(', '.join(inputs)):.80} and outputs {printable(', '.join(given)):.80}"
        )
    height, width, _ = images[0].shape
    if not isinstance(height, int) or not isinstance(width, int):
        return None
    if not 1 <= min(height, width) <= max(height, width) <= MOST_SIDE:
        raise DeviceError(f"expected pictures of 1..{MOST_SIDE} pixels a side, got {width} x {height}")
    return width, height
