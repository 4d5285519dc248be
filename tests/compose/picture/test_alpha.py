from __future__ import annotations

import cv2
import numpy as np
import pytest

from common.ipc.records import Instance
from compose.picture.alpha import of_instance, pixel_box

SIZE = (200, 100)


def instance(
    probability: np.ndarray,
    box: tuple[float, float, float, float] = (0.1, 0.2, 0.6, 0.9),
    class_id: int = 0,
    score: float = 0.9,
) -> Instance:
    height, width = probability.shape
    return Instance(class_id, score, box, height, width, probability.astype(np.uint8).tobytes())


def test_hard_is_the_tutorial_to_the_pixel() -> None:
    rng = np.random.default_rng(3)
    probability = rng.integers(0, 256, (15, 15))
    opacity, (x0, y0, x1, y1), _ = of_instance(instance(probability), SIZE, 0.3, "hard")
    box = (np.array([0.1, 0.2, 0.6, 0.9]) * [200, 100, 200, 100]).astype("int")  # the tutorial's own arithmetic
    assert (x0, y0, x1, y1) == tuple(box)
    mask = cv2.resize((probability / 255).astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST) > 0.3
    assert ((opacity > 0) == mask).all()
    assert set(np.unique(opacity)) == {0, 255}


def test_soft_is_full_inside_nothing_outside_and_between_at_the_edge() -> None:
    probability = np.zeros((15, 15))
    probability[4:11, 4:11] = 255
    opacity, _, _ = of_instance(instance(probability), SIZE, 0.3, "soft")
    height, width = opacity.shape
    assert opacity[height // 2, width // 2] == 255
    assert opacity[0].max() == opacity[:, 0].max() == 0
    assert ((opacity > 0) & (opacity < 255)).any()


def test_the_cut_is_where_the_threshold_says() -> None:
    ramp = np.tile(np.linspace(0, 255, 15), (15, 1))
    shares = [float((of_instance(instance(ramp), SIZE, t, "soft")[0] > 127).mean()) for t in (0.1, 0.5, 0.9)]
    assert shares == pytest.approx([0.9, 0.5, 0.1], abs=0.06)


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.001, 1.0), (0.2, 0.5, 0.7, 0.501)])
@pytest.mark.parametrize("edge", ["soft", "hard"])
def test_a_box_thinner_than_a_pixel_shows_nothing(box: tuple[float, float, float, float], edge: str) -> None:
    assert of_instance(instance(np.full((15, 15), 255), box), SIZE, 0.3, edge).opacity.size == 0


def test_a_box_never_leaves_the_frame() -> None:
    assert pixel_box((0.0, 0.0, 1.0, 1.0), SIZE) == (0, 0, 200, 100)
