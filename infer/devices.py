"""Devices that a network can run on: our names for the execution providers of ONNX Runtime, and which of them are here."""

from __future__ import annotations

import onnxruntime

from common.errors import ConfigError
from infer.settings import AUTO, CPU

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    CPU: "CPUExecutionProvider",
}
SLOW_TO_START = {"tensorrt"}  # builds its engine at every start, which may take minutes: only used when it is named


def available() -> list[str]:
    """Return the devices that this build of ONNX Runtime was made for, the processor last. They need not work here."""
    here = set(onnxruntime.get_available_providers())
    return [name for name, provider in PROVIDERS.items() if provider in here]


def candidates(device: str) -> list[str]:
    """Return the devices to try for `--device`: the one that is named, or all that are here, the processor last.

    Raises:
        ConfigError: This ONNX Runtime was not built for the device that is named.
    """
    here = available()
    if device == AUTO:
        return [name for name in here if name not in SLOW_TO_START]
    if device not in here:
        raise ConfigError(
            f"--device {device}: expected one that this ONNX Runtime {onnxruntime.__version__} was built for "
            f"({', '.join([AUTO, *here])}), got another; choose one of these or install another build of ONNX Runtime"
        )
    return [device]
