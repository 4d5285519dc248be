from __future__ import annotations

from pathlib import Path

import pytest

from common.findings import Level
from infer import model_folder
from infer.checks import check_devices, check_model
from infer.model_folder import NOT_FETCHED
from tests.shared import MASK_RCNN


@pytest.mark.model
def test_a_model_of_another_origin_is_ok_without_a_checksum() -> None:
    found = check_model(MASK_RCNN)
    assert found.level is Level.OK and "no checksum to compare" in found.found


def test_an_onnx_model_is_named_with_the_files_beside_it_that_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "old.pb").write_bytes(b"x")
    found = check_model(tmp_path)
    assert found.level is Level.OK
    assert "model.onnx" in found.found and "old.pb beside it is not used" in found.found
    (tmp_path / "other.onnx").write_bytes(b"x")
    assert check_model(tmp_path).level is Level.FAIL
    assert check_model(Path("none")).level is Level.OK


def test_a_folder_that_cannot_be_read_is_a_failure_of_one_line(tmp_path: Path) -> None:
    """It was a traceback."""
    finding = check_model(tmp_path / ("x" * 300))
    assert (finding.level, "expected a path that can be read" in finding.found, "\n" in finding.found) == (
        Level.FAIL,
        True,
        False,
    )


def test_a_device_that_is_not_here_is_a_failure() -> None:
    assert check_devices("auto").level is Level.OK
    assert check_devices("cpu").found.endswith("cpu")
    found = check_devices("coreml")
    assert found.level is Level.FAIL and "ONLYME_DEVICE=auto" in found.hint


def test_a_default_folder_without_a_model_is_a_note_that_says_why_none_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "MODEL_FOLDER", tmp_path)
    found = check_model(tmp_path)
    assert (found.level, "(" in found.found) == (Level.NOTE, False)
    (tmp_path / NOT_FETCHED).write_text("not here within 20 s\n")
    found = check_model(tmp_path)
    assert (found.level, found.hint) == (Level.NOTE, "make model, or set ONLYME_MASK_RCNN")
    assert f"no Mask R-CNN in {tmp_path} (not here within 20 s): " in found.found
