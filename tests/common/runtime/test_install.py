from __future__ import annotations

from pathlib import Path

import pytest

from common.runtime.install import SHIPPED_MODEL_FOLDER, dotenv_file, is_checkout, model_folder
from tests.shared import ROOT


def test_a_checkout_keeps_its_files_in_its_root() -> None:
    assert is_checkout()
    assert model_folder() == ROOT / "mask-rcnn-coco" == SHIPPED_MODEL_FOLDER
    assert dotenv_file() == ROOT / ".env"


def test_an_installed_copy_keeps_its_files_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "site-packages" / "onlyme"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert not is_checkout(code)
    assert model_folder(code) == tmp_path / "data" / "onlyme" / "mask-rcnn-coco"
    assert dotenv_file(code) == tmp_path / ".env"
