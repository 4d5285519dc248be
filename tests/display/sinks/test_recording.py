from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.errors import DisplayError
from display.meter import Meter
from display.sinks.recording import RecordSink
from tests.call import environment
from tests.conftest import on_a_disk
from tests.display.sinks.full_disk import files_up_to
from tests.display.test_meter import MESSAGE
from tests.shared import ROOT


@pytest.mark.parametrize("images", ["all", "none"])
def test_the_recording_holds_the_pictures_and_facts_shown(tmp_path: Path, images: str) -> None:
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


def named(folder: Path) -> list[str]:
    """Return the files that the list of a recording names; fails where one of them cannot be read."""
    files: list[str] = [json.loads(line)["file"] for line in (folder / "frames.jsonl").read_text().splitlines()]
    assert [file for file in files if cv2.imread(str(folder / file)) is None] == []
    return files


def test_the_next_folder_follows_one_that_holds_a_recording(tmp_path: Path) -> None:
    for _ in range(2):
        sink = RecordSink(tmp_path / "out", "all")
        sink.show(np.zeros((12, 16, 3), np.uint8), MESSAGE, Meter())
        sink.close()
    (tmp_path / "out-2/frames.jsonl").unlink()
    sink = RecordSink(tmp_path / "out", "none")
    sink.show(np.zeros((12, 16, 3), np.uint8), MESSAGE, Meter())
    sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out-2", "out-3"]
    assert named(tmp_path / "out") == ["frames/00000000.png"], "nothing is overwritten"


def test_a_recording_without_a_picture_leaves_its_folder_free(tmp_path: Path) -> None:
    RecordSink(tmp_path / "out", "none").close()
    sink = RecordSink(tmp_path / "out", "none")
    sink.show(np.zeros((12, 16, 3), np.uint8), MESSAGE, Meter())
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def fill(sink: RecordSink, size: int) -> str:
    """Show larger and larger pictures of noise until the sink cannot go on; return what it says."""
    noise = np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)
    for number in range(10_000):
        try:
            sink.show(noise[: 8 + number % size], MESSAGE, Meter())
        except DisplayError as error:
            return str(error)
        time.sleep(0.001)
    raise AssertionError("nothing failed")


def test_on_a_full_disk_every_picture_that_is_named_can_be_read(tmp_path: Path) -> None:
    """429 of 450 pictures were broken, and nobody was told."""
    out = tmp_path / "out"
    sink = RecordSink(out, "all")
    with files_up_to(50_000):
        assert "cannot go on writing" in fill(sink, 200)
        with pytest.raises(DisplayError, match="File too large"):
            sink.close()
    assert len(named(out)) == len(list((out / "frames").iterdir())) > 50


def test_on_a_full_disk_the_list_ends_with_a_whole_line(tmp_path: Path) -> None:
    sink = RecordSink(tmp_path / "out", "none")
    with files_up_to(5000):
        fill(sink, 8)
        with pytest.raises(DisplayError, match="File too large"):
            sink.close()
    text = (tmp_path / "out/frames.jsonl").read_text()
    assert text.endswith("}\n") and len(text) > 4000


@pytest.mark.root
def test_a_disk_without_room_is_one_line(tmp_path: Path) -> None:
    code = """
import sys
from tests.display.sinks.test_recording import *
print(fill(RecordSink(Path(sys.argv[1]) / "out", "all"), 200))
print(len(named(Path(sys.argv[1]) / "out")))
"""
    done = on_a_disk("size=1m", tmp_path, ["-c", code, str(tmp_path)], environment({}, tmp_path))
    said, count = done.stdout.splitlines()
    assert (
        said
        == f"--out: cannot go on writing {tmp_path}/out (No space left on device); make room there, or name another"
    )
    assert int(count) > 10, done.stderr


def test_what_a_killed_recorder_has_named_can_be_read(tmp_path: Path) -> None:
    code = """
import sys
from tests.display.sinks.test_recording import *
sink = RecordSink(Path(sys.argv[1]), "all")
noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
while True:
    sink.show(noise, MESSAGE, Meter())
    print(sink.recorded, flush=True)
    time.sleep(0.002)
"""
    recorder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out")], cwd=ROOT, env=environment({}, tmp_path), stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert recorder.stdout is not None
    recorded = next(int(line) for line in recorder.stdout if int(line) >= 30)
    recorder.kill()
    recorder.communicate()
    assert len(named(tmp_path / "out")) >= recorded
    assert [path for path in (tmp_path / "out/frames").glob("*.png") if cv2.imread(str(path)) is None] == []


def test_a_missing_or_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match="--out DIR"):
        RecordSink(None, "all")
    (tmp_path / "file").write_text("")
    with pytest.raises(DisplayError, match="cannot write"):
        RecordSink(tmp_path / "file", "all")
