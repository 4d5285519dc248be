"""The bench of people looks at nothing twice, and says of whom it saw how much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from common.ipc.records import Instance
from tests import looks
from tests.bench.people import _row
from tests.counting import Counting
from tests.looks import KeptLooks
from tests.people import Shown, scene_of


def sign_of(picture: NDArray[np.uint8]) -> tuple[Instance, ...]:
    """A sign that is another one for every colour."""
    return (Instance(0, 0.5, (0.0, 0.0, 0.5, 0.5), 1, 1, bytes([picture[0, 0, 0]]), is_sign=True),)


def test_a_picture_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Counting(sign_of)
    monkeypatch.setitem(looks.DETECTORS, "embedded", lambda: detector)
    one, other = (np.full((8, 8, 3), value, np.uint8) for value in (10, 20))
    first = KeptLooks("embedded", tmp_path)
    found = [first.at(picture).instances[0].probability for picture in (one, other, one)]
    assert found == [b"\x0a", b"\x14", b"\x0a"]
    assert detector.inferences == 3, "one of them to warm up"
    assert KeptLooks("embedded", tmp_path).at(one).instances[0].is_sign
    assert detector.inferences == 3
    monkeypatch.setattr(looks, "code_sum", lambda: "another")
    KeptLooks("embedded", tmp_path).at(one)
    assert detector.inferences == 5, "by other code it is another look"


def test_a_row_says_what_was_seen_of_whom() -> None:
    shown = Shown(
        iou=[0.9, 0.7], alone=[True, False], bystander=[0.04, 0.5, 0.06], fills=[0.02, 0.005, 0.02], switches=1
    )
    row = _row("exact", 5.0, "crossing", [shown, Shown(iou=[0.7], alone=[False], hidden=2)])
    assert (row["IoU alone"], row["IoU beside"]) == ("0.900", "0.700")
    assert (row["bystander visible"], row["worst"], row["worst large"]) == ("20.00", "50.0", "6.0")
    assert (row["large frames"], row["at most 5"], row["hidden"], row["switches"]) == (2, "50.00", 2, 1)


def test_the_large_picture_is_of_the_same_course() -> None:
    small, large = scene_of("crossing", 1), scene_of("crossing", 1, looks.SIZE_WH)
    for index in (30, 90):
        one, other = small.masks(index).bystander, large.masks(index).bystander[::2, ::2]
        assert (one & other).sum() > 0.95 * (one | other).sum()
