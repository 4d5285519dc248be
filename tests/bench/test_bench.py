"""What the benches say of a recording, and that they can be run without anything that is not in the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from infer.settings import NO_MODEL
from tests.bench.calls import SETTLE_S, Used, figures_of
from tests.bench.clips import GRIDS, scaled, tiles
from tests.bench.plot import Panel, draw
from tests.shared import ROOT


def recording(out: Path, indices: list[int], latency_ms: float, mask_every: int, hidden: Sequence[int] = ()) -> Path:
    """As the recorder writes it: thirty a second, each mask used for so many pictures, some of which show nobody."""
    rows = []
    for index in indices:
        captured_ms = 1000 * index / 30
        shown_ms = captured_ms + latency_ms
        mask_ms = 1000 * (index - index % mask_every) / 30
        row = {"source_index": index, "captured_ns": captured_ms * 1e6, "shown_ns": shown_ms * 1e6}
        rows.append(
            json.dumps(
                {
                    **row,
                    "mask_age_ms": shown_ms - mask_ms if index >= 15 else None,
                    "state": "hidden" if index in hidden else "live",
                }
            )
        )
    out.mkdir()
    (out / "frames.jsonl").write_text("".join(f"{row}\n" for row in rows))
    return out


def test_figures_of_a_recording(tmp_path: Path) -> None:
    settled = int(SETTLE_S * 30)
    missed = [settled + 50, settled + 51, settled + 120]
    indices = [i for i in range(settled + 300) if i not in missed]
    figures = figures_of(recording(tmp_path / "out", indices, 20, 3), 0, {"a": Used(50, 10), "b": Used(100, 5)})
    assert figures.latency_ms == pytest.approx((20, 20))
    assert figures.shown == pytest.approx(1 - 3 / 300, abs=1e-3)
    assert figures.fps == pytest.approx(30 * (1 - 3 / 300), abs=0.1)
    assert figures.masks_a_second == pytest.approx(10, abs=0.2)
    assert figures.first_s == pytest.approx(0.02)
    assert figures.live_s == pytest.approx(0.52)
    assert (figures.cpu, figures.pss_mb) == (150, 15)
    assert figures.cpu_s_a_second == pytest.approx(1.5 / (figures.fps / 30))


def test_pictures_that_show_nobody_are_counted_and_so_is_how_often_they_begin(tmp_path: Path) -> None:
    settled = int(SETTLE_S * 30)
    hidden = [*range(100), *range(settled + 40, settled + 50), settled + 200]
    figures = figures_of(recording(tmp_path / "out", list(range(settled + 300)), 20, 3, hidden), 0, {})
    assert figures.hidden == pytest.approx(11 / 300, abs=1e-3)
    assert figures.bursts == pytest.approx(60 * 2 / 10, abs=0.2)


def test_a_call_that_showed_nothing_has_no_figures(tmp_path: Path) -> None:
    figures = figures_of(recording(tmp_path / "out", [], 20, 3), 0, {})
    assert np.isnan([figures.fps, figures.first_s, figures.live_s, figures.masks_a_second]).all()


@pytest.mark.parametrize("people", GRIDS)
def test_so_many_tiles(people: int, tmp_path: Path) -> None:
    picture = next(tiles(people, (1280, 720), tmp_path / "none"))
    across, down = GRIDS[people]
    assert picture.shape == (720, 1280, 3)
    cells = [cell for row in np.array_split(picture, down) for cell in np.array_split(row, across, axis=1)]
    assert [cell.std() > 10 for cell in cells] == [n < people for n in range(across * down)]


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    panel = Panel("rate", "people", "a second", {"pictures": [(1, 30.0), (2, 29.0)]}, {"camera": [(1, 30), (2, 30)]})
    draw([[panel, panel], [panel]], "caption", tmp_path / "bench.png")
    drawn = cv2.imread(str(tmp_path / "bench.png"))
    assert drawn is not None
    assert min(drawn.shape[:2]) > 300
    assert drawn.std() > 5


def test_the_baseline_runs_on_the_demo_without_weights(tmp_path: Path) -> None:
    clip, out = scaled(tmp_path / "none", (640, 360), tmp_path), tmp_path / "out"
    command = [sys.executable, "-m", "tests.bench.baseline", "--clip", str(clip), "--model", str(NO_MODEL)]
    subprocess.run([*command, "--seconds", "1", "--out", str(out)], cwd=ROOT, check=True, timeout=60)
    rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    assert len(rows) > 1
    assert all(row["shown_ns"] > row["captured_ns"] for row in islice(rows, 1, None))
