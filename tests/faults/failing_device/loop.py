"""What the child does: the real loop, with `cuda` being the processor until it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.runtime.stage_context import StageContext
from infer import devices, loop, onnx_mask_rcnn, onnx_session
from infer.settings import CPU, InferSettings

LOOKS = 20  # until it fails


class FailingSession:
    """A session of ONNX Runtime that runs so often, and no more."""

    def __init__(self, session: Any) -> None:
        self._session, self._left = session, LOOKS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *args: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("CUDA failure 719: unspecified launch failure")
        return self._session.run(*args)


def open_failing(file: Path, device: str, threads: int) -> Any:
    """Open a session that fails on any device but the processor."""
    session = onnx_session.open_session(file, CPU, threads)
    return session if device == CPU else FailingSession(session)


def run(settings: InferSettings, stage: StageContext) -> None:
    """Infer until told to stop."""
    vars(devices)["available"] = lambda: ["cuda", CPU]
    vars(onnx_mask_rcnn)["open_session"] = open_failing
    loop.run(settings, stage)
