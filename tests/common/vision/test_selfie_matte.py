from __future__ import annotations

import cv2
import numpy as np
import pytest

from common.vision.assets import ASTRONAUT, MATTE, fetch
from common.vision.selfie_matte import MATTE_SIZE_WH, Matte


def test_the_matte_tells_a_person_from_the_background(capfd: pytest.CaptureFixture[str]) -> None:
    picture = np.asarray(cv2.imread(str(fetch(ASTRONAUT))), np.uint8)
    likely = Matte(fetch(MATTE)).infer(picture)
    assert likely.shape == MATTE_SIZE_WH[::-1]
    assert likely.dtype == np.float32
    head, corner = likely[20:60, 90:130], likely[:30, 200:]
    assert head.mean() > 0.9
    assert corner.mean() < 0.1
    assert capfd.readouterr().err == "", "LiteRT writes a line as it opens"
