"""Chooses the device on which the network runs fastest, among those that `--device` allows."""

from __future__ import annotations

import logging
from pathlib import Path

from common.errors import ConfigError, DeviceError, ModelError
from common.runtime.install import MODEL_COMMAND
from infer.devices import candidates
from infer.onnx_mask_rcnn import OnnxMaskRcnn
from infer.settings import AUTO, CPU, InferSettings
from infer.timed_inference import inference_ms

log = logging.getLogger("onlyme")


def open_on_best_device(file: Path, settings: InferSettings) -> OnnxMaskRcnn:
    """Time one inference on every device that `--device` allows, and return the network on the fastest.

    Raises:
        ModelError: The file is damaged, too large, or not a known Mask R-CNN.
        ConfigError: The requested device is not available, or cannot run the file.
    """
    tried: list[tuple[float, OnnxMaskRcnn]] = []
    for device in candidates(settings.device):
        try:
            network = OnnxMaskRcnn(file, device, settings)
            tried.append((inference_ms(network.detect), network))
        except (DeviceError, ValueError) as error:
            if not tried:
                _refuse(device, file, settings, str(error))
            log.warning("%s is not used: %s", device, error)
    _, best = min(tried, key=lambda one: one[0])
    took = ", ".join(f"{ms:.0f} ms on {network.device}" for ms, network in tried)
    log.info("an inference takes %s; %s is used", took, best.device)
    return best


def _refuse(device: str, file: Path, settings: InferSettings, reason: str) -> None:
    """Raise that a device cannot run the file, unless other devices are tried too."""
    if device == CPU:
        raise ModelError(
            f"--mask-rcnn: expected a Mask R-CNN for ONNX Runtime, got {file} ({file.stat().st_size} bytes): {reason}; "
            f"fetch the model again ({MODEL_COMMAND})"
        )
    if settings.device != AUTO:
        raise ConfigError(f"--device {device}: expected that it runs {file}, got: {reason}; choose auto or cpu")
