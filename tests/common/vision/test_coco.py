from __future__ import annotations

from common.vision.coco import NAMES


def test_the_names_are_those_of_the_model() -> None:
    assert len(NAMES) == 90 and NAMES[0] == "person" and len(set(NAMES)) == 90
