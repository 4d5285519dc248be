"""Names of cv2.dnn's backends and targets, and which of them this OpenCV can run."""

from __future__ import annotations

import cv2

from common.errors import ConfigError

BACKENDS = {
    "opencv": cv2.dnn.DNN_BACKEND_OPENCV,
    "cuda": cv2.dnn.DNN_BACKEND_CUDA,
    "openvino": cv2.dnn.DNN_BACKEND_INFERENCE_ENGINE,
    "vulkan": cv2.dnn.DNN_BACKEND_VKCOM,
    "cann": cv2.dnn.DNN_BACKEND_CANN,
    "timvx": cv2.dnn.DNN_BACKEND_TIMVX,
    "webnn": cv2.dnn.DNN_BACKEND_WEBNN,
}
TARGETS = {
    "cpu": cv2.dnn.DNN_TARGET_CPU,
    "cpu_fp16": cv2.dnn.DNN_TARGET_CPU_FP16,
    "opencl": cv2.dnn.DNN_TARGET_OPENCL,
    "opencl_fp16": cv2.dnn.DNN_TARGET_OPENCL_FP16,
    "cuda": cv2.dnn.DNN_TARGET_CUDA,
    "cuda_fp16": cv2.dnn.DNN_TARGET_CUDA_FP16,
    "vulkan": cv2.dnn.DNN_TARGET_VULKAN,
    "npu": cv2.dnn.DNN_TARGET_NPU,
}


def available() -> dict[str, list[str]]:
    """Targets by backend, as far as this build of OpenCV has them."""
    found = {}
    for backend, number in BACKENDS.items():
        numbers = set(cv2.dnn.getAvailableTargets(number))
        if names := [name for name, target in TARGETS.items() if target in numbers]:
            found[backend] = names
    return found


def choose(backend: str, target: str) -> tuple[int, int]:
    """cv2.dnn's numbers of a backend and a target.

    Raises:
        ConfigError: This build of OpenCV cannot run that pair.
    """
    here = available()
    if target not in here.get(backend, []):
        listed = "; ".join(f"{name} with {', '.join(targets)}" for name, targets in here.items())
        raise ConfigError(
            f"--backend {backend} --target {target}: expected what this OpenCV {cv2.__version__} was built with "
            f"({listed}), got another; choose one of these or install another build of OpenCV"
        )
    return BACKENDS[backend], TARGETS[target]
