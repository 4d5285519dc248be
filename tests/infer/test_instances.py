from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import MAX_MAP_SIDE
from infer.instances import to_instances


def rows(*listed: list[float]) -> np.ndarray:
    return np.array(listed, np.float32).reshape(-1, 6)


def masks(count: int, value: float = 0.8) -> np.ndarray:
    return np.full((count, 15, 15), value, np.float32)


def test_every_class_is_reported_and_boxes_are_clipped() -> None:
    found = rows([0, 0.9, -0.1, 0.2, 0.5, 1.2], [76, 0.6, 0.1, 0.1, 0.2, 0.2])
    person, phone = to_instances(found, masks(2), 0.5, 0.3)
    assert person.box_xyxy == pytest.approx((0, 0.2, 0.5, 1))
    assert (person.class_id, phone.class_id) == (0, 76)
    assert set(person.probability) == {204}


@pytest.mark.parametrize("bad", [
    [0, 0.4, 0, 0, 1, 1], [90, 0.9, 0, 0, 1, 1], [-1, 0.9, 0, 0, 1, 1], [0, float("nan"), 0, 0, 1, 1],
    [0, 0.9, 0.5, 0, 0.5, 1], [0, 0.9, 0, 0, float("inf"), 1], [0, 0.9, 1.5, 0, 2, 1],
])  # fmt: skip
def test_invalid_detections_are_dropped(bad: list[float]) -> None:
    assert to_instances(rows(bad), masks(1), 0.5, 0.3) == ()


@pytest.mark.parametrize("value", [0.2, float("nan")])
def test_an_empty_mask_is_dropped(value: float) -> None:
    assert to_instances(rows([0, 0.9, 0, 0, 1, 1]), masks(1, value), 0.5, 0.3) == ()


def test_an_empty_result_is_not_an_error() -> None:
    assert to_instances(rows(), masks(0), 0.5, 0.3) == ()


@pytest.mark.parametrize("shapes", [
    ((1, 7), (1, 15, 15)), ((6,), (1, 15, 15)), ((2, 6), (1, 15, 15)), ((1, 6), (1, 90, 15, 15)), ((1, 6), (1, 0, 15)),
    ((1, 6), (1, 15, MAX_MAP_SIDE + 1)),
])  # fmt: skip
def test_outputs_of_other_shapes_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    found, maps = (np.full(shape, 0.9, np.float32) for shape in shapes)
    with pytest.raises(ValueError, match="expected"):
        to_instances(found, maps, 0.5, 0.3)
