"""Opens an ONNX file on a device. This is the only module that configures ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from common.errors import DeviceError
from infer.devices import PROVIDERS
from infer.settings import CPU

OF_NVIDIA = ("cuda", "tensorrt")
# by default CUDA benchmarks every algorithm for a convolution, again for each number of people: an inference took 160 ms
# instead of 29 on an H200
OPTIONS = {"cuda": {"cudnn_conv_algo_search": "HEURISTIC"}}
_KINDS = vars(onnxruntime_pybind11_state).values()
# the exceptions of ONNX Runtime have no common base; its Python part raises the last two
ERRORS: tuple[type[Exception], ...] = (
    *(k for k in _KINDS if isinstance(k, type) and issubclass(k, Exception)),
    RuntimeError,
    ValueError,
)
FATAL = 4  # log level: the lines on stderr only repeat what the exceptions say


def open_session(file: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a file on one device. Operators that the device does not support run on the processor.

    External data is read from the folder of the file only: ONNX Runtime refuses paths that lead out of it.

    Args:
        file: An ONNX file.
        device: A key of PROVIDERS.
        threads: Number of threads on the processor.

    Raises:
        DeviceError: The file is damaged, or the device cannot run it.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    # spinning threads would take processor time from compose
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device in OF_NVIDIA:
        onnxruntime.preload_dlls()  # loads CUDA and cuDNN from the packages that pip installed
    wanted = (PROVIDERS[device], OPTIONS.get(device, {}))
    providers = [wanted] if device == CPU else [wanted, (PROVIDERS[CPU], {})]
    try:
        # without fallback: else ONNX Runtime would use another device and report it on stdout only
        session = onnxruntime.InferenceSession(file, options, providers=providers, enable_fallback=0)
    except ERRORS as error:
        raise DeviceError(reason_of(error)) from None
    if session.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(f"{PROVIDERS[device]} cannot be loaded here")
    return session


def reason_of(error: Exception) -> str:
    """Return the text of an exception of ONNX Runtime on one line."""
    return f"{' '.join(str(error).split()):.200}"
