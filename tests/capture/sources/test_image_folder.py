from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from capture.sources.choice import name_of
from capture.sources.image_folder import FolderSource
from common.errors import SourceError
from tests.conftest import as_user


def test_files_whose_names_begin_with_a_dot_are_left_out(folder: Path) -> None:
    """A Mac leaves them beside the images that it copies."""
    for file in list(folder.glob("*.png")):
        (folder / f"._{file.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
    source = FolderSource(folder, 240, once=True)
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    assert {int(frame.picture[0, 0, 0]) for frame in frames} <= {0, 10, 20, 30}
    assert source.description.startswith("4 images")


def test_names_may_hold_any_bytes(folder: Path) -> None:
    for file in list(folder.glob("*.png")):
        shutil.move(file, folder / os.fsdecode(b"caf\xe9 " + os.fsencode(file.name)))
    assert FolderSource(folder, 240, once=True).read() is not None


@pytest.mark.root
@pytest.mark.parametrize("where", ["folder", "image"])
def test_what_may_not_be_read_is_named(where: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder if where == "folder" else folder / "000.png").chmod(0)
    if where == "image":
        folder.chmod(0o755)
    monkeypatch.chdir(folder.parent if where == "folder" else folder)
    path = Path(folder.name) if where == "folder" else Path()
    Path().chmod(0o755)
    with as_user(12345), pytest.raises(SourceError, match=r"got .* \(Permission denied\)"):
        FolderSource(path, 240, once=True).read()


def test_the_home_folder_of_nobody_is_said() -> None:
    with pytest.raises(SourceError, match=r"a path whose home folder is known, got ~nosuchuser/x"):
        name_of("~nosuchuser/x")
