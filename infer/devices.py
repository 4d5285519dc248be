"""What a network can run on: our names for ONNX Runtime's execution providers, and which of them are here."""

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
SLOW_TO_START = {"tensorrt"}  # it builds its engine at every start, perhaps for minutes: for who asks for it


def available() -> list[str]:
    """Devices that this build of ONNX Runtime was made for, the processor last; whether one works, a look says."""
    here = set(onnxruntime.get_available_providers())
    return [name for name, provider in PROVIDERS.items() if provider in here]


def candidates(device: str) -> list[str]:
    """Devices to be tried for `--device`: the one that is named, or all that are here, the processor last.

    Raises:
        ConfigError: This ONNX Runtime was not built for it.
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
