from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from common.checks import check_assets
from common.errors import AssetError, ConfigError
from common.findings import Level
from common.runtime.install import SHIPPED_MODEL_FOLDER, dotenv_file, is_checkout, model_folder
from common.settings.base import Settings
from common.vision.assets import cache_dir
from display.relay.settings import RelaySettings
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


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME and without an entry in passwd, as a container may have."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)


def test_a_user_without_a_home_folder_is_told_what_to_set(no_home: None, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="set HOME or XDG_CACHE_HOME"):
        cache_dir()
    with pytest.raises(ConfigError, match="set HOME, or name a folder"):
        print(RelaySettings().keys_folder)
    assert check_assets().level is Level.NOTE
    assert model_folder(tmp_path / "onlyme") == tmp_path / "onlyme" / "mask-rcnn-coco", "no folder named ~"
    assert Settings().call_dir == Path(tempfile.gettempdir()) / f"onlyme-{os.getuid()}"


def test_without_a_temporary_folder_a_run_folder_is_asked_for(no_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(ConfigError, match="set ONLYME_RUN_DIR"):
        print(Settings().call_dir)
