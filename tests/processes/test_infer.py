"""Real inference workers; the test plays capture and compose."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from infer.static_scene import MAX_HOLD_NS
from tests.shared import MASK_RCNN
from tests.workers import collect


@pytest.mark.model
def test_two_workers_never_infer_the_same_frame(run_dir: Path, segments: None) -> None:
    results = collect(2, run_dir, {"mask_rcnn": MASK_RCNN, "threads": 1}, seconds=4.0)
    frames = Counter((m.epoch, m.frame_id) for m in results)
    assert len(frames) == len(results) >= 6
    assert len({m.worker for m in results}) == 2
    assert all(m.instances and m.instances[0].class_id == 0 for m in results)
    assert all(m.inference_ns > 0 and "Mask R-CNN" in m.model for m in results)


def test_of_what_stands_still_a_worker_says_which_frame_it_looked_at(run_dir: Path, segments: None) -> None:
    results = collect(1, run_dir, {"threads": 1}, seconds=3.0, is_still=True)
    held, looked = [m for m in results if m.held_ns], [m for m in results if not m.held_ns]
    assert len(looked) >= 4 and len(held) > len(looked)
    assert {m.looked_ns for m in held} <= {m.captured_ns for m in looked} | {results[0].looked_ns}
    assert max(m.held_ns for m in held) <= MAX_HOLD_NS


def test_a_worker_without_a_model_looks_no_more_often_than_it_may(run_dir: Path, segments: None) -> None:
    results = collect(1, run_dir, {"threads": 1, "max_infer_hz": 5}, seconds=3.0)
    assert 12 <= len(results) <= 17
    assert all("embedded" in m.model for m in results)
