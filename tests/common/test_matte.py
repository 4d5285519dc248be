from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.assets import ASTRONAUT, MATTE, fetch
from common.errors import ModelError
from common.matte import MATTE_SIZE_WH, Network, with_litert, with_opencv


def test_both_runtimes_answer_the_same() -> None:
    picture = cv2.imread(str(fetch(ASTRONAUT)))
    assert picture is not None
    small = np.asarray(cv2.resize(picture, MATTE_SIZE_WH), np.uint8)
    light, plain = (np.array(network(small)) for network in (with_litert(fetch(MATTE)), with_opencv(fetch(MATTE))))
    assert light.size == plain.size == small.size // 3
    np.testing.assert_allclose(light.ravel(), plain.ravel(), atol=1e-4)
    assert np.ptp(plain) > np.float32(0.8)  # it sees somebody, and something else


@pytest.mark.parametrize("opened", [with_litert, with_opencv])
def test_a_broken_file_is_said(opened: Callable[[Path], Network], tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"broken\.tflite"):
        opened(broken)
