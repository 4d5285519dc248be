"""Opens an ONNX file on a device: the one place that knows how ONNX Runtime is set up."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from common.errors import DeviceError
from infer.devices import PROVIDERS
from infer.settings import CPU

OF_NVIDIA = ("cuda", "tensorrt")
# by default CUDA tries every way to compute a convolution, anew for each number of people: a look took 160 ms instead of 29
# on an H200
OPTIONS = {"cuda": {"cudnn_conv_algo_search": "HEURISTIC"}}
_KINDS = vars(onnxruntime_pybind11_state).values()
# its exceptions have no base of their own; its part in Python raises the last two
ERRORS: tuple[type[Exception], ...] = (
    *(k for k in _KINDS if isinstance(k, type) and issubclass(k, Exception)),
    RuntimeError,
    ValueError,
)
FATAL = 4  # its own lines on standard error repeat what its exceptions say


def open_session(file: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a file on one device; operators that the device does not have run on the processor.

    Data beside the file is read from its own folder only: ONNX Runtime refuses every path that leads out of it.

    Args:
        file: An ONNX file.
        device: A key of PROVIDERS.
        threads: Of the processor's part.

    Raises:
        DeviceError: The file is damaged, or the device cannot run it.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    # threads that wait for work in a loop would take the picture's share of the processor
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device in OF_NVIDIA:
        onnxruntime.preload_dlls()  # finds CUDA and cuDNN where pip has put them
    wanted = (PROVIDERS[device], OPTIONS.get(device, {}))
    providers = [wanted] if device == CPU else [wanted, (PROVIDERS[CPU], {})]
    try:
        # without fallback: it would go on elsewhere, and say so on standard output only
        session = onnxruntime.InferenceSession(file, options, providers=providers, enable_fallback=0)
    except ERRORS as error:
        raise DeviceError(reason_of(error)) from None
    if session.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(f"{PROVIDERS[device]} cannot be loaded here")
    return session


def reason_of(error: Exception) -> str:
    """Return what an exception of ONNX Runtime says, on one line."""
    return f"{' '.join(str(error).split()):.200}"
