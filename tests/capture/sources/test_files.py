from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.sources.clock import Clock
from capture.sources.image_folder import FolderSource
from capture.sources.source import Source, SourceFrame
from capture.sources.video_file import open_file
from common.errors import SourceError, SourceLostError


def number_in(frame: SourceFrame, step: int) -> int:
    return round(float(frame.picture.mean()) / step)


def read_all(source: Source, limit: int) -> list[SourceFrame]:
    frames: list[SourceFrame] = []
    while len(frames) < limit and (frame := source.read()) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_a_source_ends_when_played_once_and_counts_on_when_looped(kind: str, folder: Path, video: Path) -> None:
    def opened(once: bool) -> Source:
        return FolderSource(folder, 100, once) if kind == "folder" else open_file(video, once)

    length, step = (4, 10) if kind == "folder" else (10, 20)
    once = read_all(opened(True), 99)
    assert once[-1].source_index == length - 1
    looped = read_all(opened(False), 2 * length + 3)
    assert [s.source_index for s in looped] == sorted({s.source_index for s in looped})
    assert looped[-1].source_index >= 2 * length
    assert all(number_in(s, step) == s.source_index % length for s in looped)


def test_the_clock_returns_the_frame_that_is_due() -> None:
    clock = Clock(50)
    assert clock.due() == 0
    clock.started_ns = time.monotonic_ns() - 1_010_000_000
    assert clock.due() == 50


def test_frames_of_different_sizes_are_passed_on_as_they_are(tmp_path: Path) -> None:
    for number, width in enumerate((64, 80)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((48, width, 3), np.uint8))
    assert [s.picture.shape[1] for s in read_all(FolderSource(tmp_path, 2, True), 9)] == [64, 80]


def test_a_broken_image_is_named(folder: Path) -> None:
    for image in folder.iterdir():  # a busy machine leaves out some
        image.write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"got .*/\d+\.png; remove or replace it"):
        read_all(FolderSource(folder, 200, True), 9)


def test_a_file_that_cannot_be_asked_for_is_refused_in_one_line(tmp_path: Path) -> None:
    """As when a film is opened again during a call, and its folder may not be read any more."""
    with pytest.raises(SourceError, match="--source: expected"):
        open_file(tmp_path / ("x" * 300), once=True)


def test_a_file_that_disappears_is_reported_without_its_name(video: Path) -> None:
    source = open_file(video, once=False)
    video.unlink()
    with pytest.raises(SourceLostError, match="the file cannot be read any more") as error:
        read_all(source, 99)
    assert video.name not in str(error.value)
