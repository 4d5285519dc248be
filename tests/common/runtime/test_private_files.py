from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.runtime.private_files import make_folder
from common.runtime.run_dir import open_run_dir, writer_lock
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
