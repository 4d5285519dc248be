from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.errors import ConfigError, RunFolderGoneError
from common.ipc.streams import FRAMES, bind, open_context
from common.runtime import run_dir as run_dir_module
from common.runtime.private_files import make_folder, write_private
from common.runtime.run_dir import check_own_files, open_run_dir, writer_lock
from tests.conftest import as_user
from tests.shared import ROOT


def mode_of(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


def test_every_folder_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    assert {mode_of(path) for path in tmp_path.rglob("*")} == {"drwx------"}
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    make_folder(tmp_path / "a")
    assert (mode_of(tmp_path), mode_of(tmp_path / "a")) == ("drwxr-xr-x", "drwx------")


def test_threads_that_write_one_file_each_write_it_whole(tmp_path: Path) -> None:
    """Two tabs that upload a background at once: one got half of the other's picture, or an error."""
    path, contents = tmp_path / "background.png", [bytes([number]) * 3_000_000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write_private(path, contents[number % 4]), range(40)))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(OSError, match=r"File exists|Not a directory"):
            make_folder(path)


def test_what_a_private_process_and_its_children_make_is_private_and_nothing_of_their_memory_is_dumped() -> None:
    children = "umask; ulimit -c; ulimit -Hc; cat /proc/self/coredump_filter"
    code = f"from common.runtime.private_files import be_private; be_private(); import os; os.execvp('sh', ['sh', '-c', '{children}'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0077", "0", "0", "00000000"]


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750, 0o711])
def test_a_run_folder_of_the_users_own_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    tmp_path.chmod(mode)
    assert open_run_dir(tmp_path) == tmp_path
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_run_folder_that_others_may_write_in_is_refused(mode: int, tmp_path: Path) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(ConfigError, match=r"nobody else may write in, got .*chmod go-w"):
        open_run_dir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


@pytest.mark.root
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_a_run_folder_that_holds_what_others_once_put_in_is_refused(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    make(tmp_path / "frames.lock")
    assert open_run_dir(tmp_path) == tmp_path, "it is our own"
    os.chown(tmp_path / "frames.lock", 65534, 65534, follow_symlinks=False)
    with pytest.raises(ConfigError, match=r"nothing of others in .*, got frames.lock of user 65534"):
        open_run_dir(tmp_path)


def test_a_lock_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "frames.lock").write_text("a file that somebody linked there")
    with writer_lock(tmp_path, "frames"):
        assert (tmp_path / "frames.lock").read_text() == "a file that somebody linked there"


def test_a_run_folder_that_is_made_is_private(tmp_path: Path) -> None:
    open_run_dir(tmp_path / "a" / "run")
    assert {mode_of(path) for path in tmp_path.rglob("*")} == {"drwx------"}


@pytest.fixture
def own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has bound nothing yet."""
    monkeypatch.setattr(run_dir_module, "_own_files", {})


@pytest.mark.parametrize("lost", ["the lock", "a socket", "the folder", "another's lock in its place"])
def test_a_stage_notices_that_its_run_folder_was_removed_or_emptied(lost: str, run_dir: Path, own_files: None) -> None:
    open_run_dir(run_dir)
    with writer_lock(run_dir, "frames"), open_context() as context:
        bind(context, FRAMES, run_dir)
        check_own_files()  # the negative control
        if lost == "the folder":
            shutil.rmtree(run_dir)
        else:
            (run_dir / ("frames" if lost == "a socket" else "frames.lock")).unlink()
        if lost == "another's lock in its place":
            (run_dir / "frames.lock").touch()
        with pytest.raises(RunFolderGoneError, match="removed or emptied"):
            check_own_files()


def test_a_lock_that_was_given_back_is_not_missed(run_dir: Path, own_files: None) -> None:
    open_run_dir(run_dir)
    with writer_lock(run_dir, "frames"):
        pass
    shutil.rmtree(run_dir)
    check_own_files()


@pytest.mark.root
@pytest.mark.parametrize("mode", [0o500, 0o300])
def test_a_run_folder_without_permission_is_refused(mode: int, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir.mkdir()
    os.chown(run_dir, 12345, 12345)
    run_dir.chmod(mode)
    run_dir.parent.chmod(0o755)
    monkeypatch.chdir(run_dir.parent)  # others may not enter the folders above it
    refused = pytest.raises(ConfigError, match=r"--run-dir: expected a folder that you may (read|write to)")
    with as_user(12345), refused, writer_lock(open_run_dir(Path(run_dir.name)), "frames"):
        pass
