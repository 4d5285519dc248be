from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import ModelError
from infer.model_folder import find_model, find_onnx, models_in
from tests.conftest import as_user


def test_files_whose_names_begin_with_a_dot_are_no_models(tmp_path: Path) -> None:
    """A Mac leaves them beside what it copies."""
    for name in ("a.onnx", "._a.onnx", ".a.onnx.part", "._b.pb"):
        (tmp_path / name).write_text("x")
    assert find_onnx(tmp_path) == tmp_path / "a.onnx"
    assert models_in(tmp_path) == [tmp_path / "a.onnx"]


@pytest.mark.root
def test_a_folder_without_permission_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir(mode=0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with as_user(12345):
        assert models_in(Path("model")) == []
        with pytest.raises(ModelError, match="got no permission in model"):
            find_model(Path("model"))
