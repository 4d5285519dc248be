from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.shared import ROOT


def test_onnx_runtime_is_loaded_without_its_telemetry(tmp_path: Path) -> None:
    """ONNX Runtime 1.32 keeps a number of the machine and a database of events, which it sends to its maker."""
    environ = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environ |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = (
        "import os, sys, infer.onnx_session; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["1", "True"]
    assert not list(tmp_path.rglob("*onnxruntime*"))
