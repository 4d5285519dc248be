from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import DisplayError
from display.meter import Meter
from display.sinks.recording import RecordSink
from tests.display.test_meter import MESSAGE


@pytest.mark.parametrize("images", ["all", "none"])
def test_what_was_shown_is_what_is_recorded(tmp_path: Path, images: str) -> None:
    sink = RecordSink(tmp_path / "out", images)
    pictures = [np.random.default_rng(i).integers(0, 256, (12, 16, 3), dtype=np.uint8) for i in range(5)]
    for number, picture in enumerate(pictures):
        age = -1.0 if number == 0 else 70.0
        sink.show(
            picture,
            replace(MESSAGE, frame=replace(MESSAGE.frame, source_index=number * 2, captured_ns=7), mask_age_ms=age),
            Meter(),
        )
    sink.close()
    rows = [json.loads(line) for line in (tmp_path / "out/frames.jsonl").read_text().splitlines()]
    assert [r["source_index"] for r in rows] == [0, 2, 4, 6, 8]
    assert [r["mask_age_ms"] for r in rows] == [None, 70, 70, 70, 70]
    assert all(r["shown_ns"] > r["captured_ns"] == 7 and r["state"] == "live" for r in rows)
    if images == "none":
        assert {r["file"] for r in rows} == {None}
        assert list((tmp_path / "out/frames").iterdir()) == []
    else:
        assert rows[3]["file"] == "frames/00000003.png"
        for row, picture in zip(rows, pictures, strict=True):
            assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "out" / row["file"]))), picture)


def test_a_folder_that_holds_a_recording_is_not_written_over(tmp_path: Path) -> None:
    RecordSink(tmp_path, "none").close()
    with pytest.raises(DisplayError, match="new or empty"):
        RecordSink(tmp_path, "none")


def test_no_folder_and_no_right_are_said(tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match="--out DIR"):
        RecordSink(None, "all")
    (tmp_path / "file").write_text("")
    with pytest.raises(DisplayError, match="cannot write"):
        RecordSink(tmp_path / "file", "all")
