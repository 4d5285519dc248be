"""A recording whose redaction is killed in the middle, and started again."""

from __future__ import annotations

from pathlib import Path

from tests.bench.recording_clips import demo
from tests.faults.interrupted import after_looks, at_once, interrupted

LOOKS = (2, 7)  # kept at the kills; there are eleven


def test_killed_twice_and_started_again_the_film_is_the_same(run_dir: Path, tmp_path: Path) -> None:
    source = demo(tmp_path, (320, 180), 1.0).path
    whole, _ = at_once(source, tmp_path / "whole.mp4", run_dir)
    assert len(whole.times_s) == 30
    film, kept = interrupted(source, tmp_path / "killed.mp4", run_dir, [after_looks(count) for count in LOOKS])
    assert film == whole
    assert kept[0] >= LOOKS[0] and kept[1] >= LOOKS[1], "what was found is kept"
