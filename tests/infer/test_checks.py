from __future__ import annotations

from pathlib import Path

import pytest

from common.findings import Level
from infer import model_folder
from infer.checks import check_devices, check_model
from infer.model_folder import NOT_FETCHED, models_in
from infer.settings import InferSettings
from tests.shared import MASK_RCNN


@pytest.mark.model
def test_another_model_is_fine_but_has_no_checksum() -> None:
    found = check_model(MASK_RCNN)
    assert found.level is Level.OK and "no checksum to compare" in found.found


def test_a_model_for_onnx_runtime_is_named_with_what_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "old.pb").write_bytes(b"x")
    found = check_model(tmp_path)
    assert found.level is Level.OK
    assert "model.onnx" in found.found and "old.pb beside it is not used" in found.found
    (tmp_path / "other.onnx").write_bytes(b"x")
    assert check_model(tmp_path).level is Level.FAIL
    assert check_model(Path("none")).level is Level.OK


def test_a_device_that_is_not_here_prevents_a_call() -> None:
    assert check_devices("auto").level is Level.OK
    assert check_devices("cpu").found.endswith("cpu")
    found = check_devices("coreml")
    assert found.level is Level.FAIL and "ONLYME_DEVICE=auto" in found.hint


def test_a_default_folder_without_weights_is_a_note() -> None:
    if not models_in(InferSettings().mask_rcnn):
        assert check_model(InferSettings().mask_rcnn).level is Level.NOTE


def test_it_says_why_a_first_start_fetched_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_folder, "MODEL_FOLDER", tmp_path)
    assert "(" not in check_model(tmp_path).found
    (tmp_path / NOT_FETCHED).write_text("not here within 20 s\n")
    found = check_model(tmp_path)
    assert (found.level, found.hint) == (Level.NOTE, "make model, or set ONLYME_MASK_RCNN")
    assert f"no Mask R-CNN in {tmp_path} (not here within 20 s): " in found.found
