from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import ModelError
from common.vision.litert import Network


@pytest.mark.parametrize("data", [b"", b"not a network"])
def test_a_broken_file_is_reported(data: bytes, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(data)
    with pytest.raises(ModelError, match=rf"broken\.tflite \({len(data)} bytes\).*make setup") as error:
        Network(broken)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.tflite"):
        Network(tmp_path / "missing.tflite")
