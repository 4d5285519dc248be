from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from capture.sources.live import LiveSource
from common.errors import SourceLostError


def fake_device() -> Mock:
    """Return a VideoCapture that delivers noise until it is unplugged."""
    device = Mock(spec=cv2.VideoCapture, plugged=True)
    device.isOpened.return_value = device.grab.return_value = True
    device.get.return_value, device.getBackendName.return_value = 0.0, "FAKE"
    noise = np.random.default_rng()
    device.read.side_effect = lambda: (
        device.plugged, noise.integers(0, 256, (4, 4, 3), np.uint8) if device.plugged else None
    )  # fmt: skip
    return device


@pytest.mark.parametrize(
    ("node_is_there", "says"), [(False, "the camera was unplugged"), (True, "the camera stopped delivering")]
)
def test_a_failing_device_is_reported_with_its_cause(node_is_there: bool, says: str, tmp_path: Path) -> None:
    device = fake_device()
    node = tmp_path / "video7"
    source = LiveSource(node, device, reopen=lambda: source)
    assert source.read() is not None
    device.plugged = False
    if node_is_there:
        node.touch()
    with pytest.raises(SourceLostError, match=says):
        source.read()
