from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import service
from common.errors import ConfigError
from common.service import MARK, ServiceFile, install, remove, service_files, start_command
from tests.conftest import missing
from tests.processes.neighbours import wait_for
from tests.shared import ROOT

STRANGE = "a b%h$HOME`c`\"d'e\\f;#"  # holds all that the two formats treat in a special way
STRANGE_PROGRAM = "a b`c`(d);#&|é"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # systemd-analyze wants one
    return tmp_path


def program(folder: Path) -> list[str]:
    """A command whose program lies in `folder`, and writes its words and its folder to a file `ran` beside it."""
    folder.mkdir(parents=True)
    path = folder / "onlyme"
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$@" > "${0%/*}/ran"\n')
    path.chmod(0o755)
    return [str(path), "start", STRANGE]


def checked(*command: str) -> str:
    """What a checker of files says, nothing where all is well."""
    if shutil.which(command[0]) is None:
        missing(command[0])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


@pytest.fixture
def strange(home: Path) -> list[ServiceFile]:
    """The files of a program and a folder that have such names."""
    (home / STRANGE).mkdir()
    return service_files(program(home / STRANGE_PROGRAM), home / STRANGE)


def test_systemd_and_the_desktop_accept_the_files_with_any_path(home: Path, strange: list[ServiceFile]) -> None:
    unit, entry = strange
    install(strange)
    assert unit.path == home / "config/systemd/user/onlyme.service"
    assert entry.path == home / "data/applications/onlyme.desktop"
    said = checked("systemd-analyze", "--user", "--man=no", "verify", str(unit.path))
    assert [line for line in said.splitlines() if "onlyme" in line or "exit code" in line] == []
    assert checked("desktop-file-validate", str(entry.path)) == ""


def test_systemd_misses_a_program_whose_path_is_not_escaped(strange: list[ServiceFile]) -> None:
    """The negative control."""
    unit, entry = strange
    install([unit._replace(text=unit.text.replace('ExecStart="', "ExecStart=")), entry])
    assert "onlyme" in checked("systemd-analyze", "--user", "--man=no", "verify", str(unit.path))


def test_a_desktop_starts_the_program_with_its_words(home: Path, strange: list[ServiceFile]) -> None:
    _, entry = strange
    gio = shutil.which("gio")
    if gio is None:
        missing("gio (Debian: libglib2.0-bin)")
        return
    text = entry.text.replace("Terminal=true", "Terminal=false")
    entry.path.parent.mkdir(parents=True)
    entry.path.write_text(text)
    subprocess.run([gio, "launch", str(entry.path)], check=True, timeout=60)
    ran = home / STRANGE_PROGRAM / "ran"
    wait_for("the program", lambda: ran.exists() and ran.read_text().count("\n") == 3)
    assert ran.read_text().splitlines() == [str(home / STRANGE), "start", STRANGE]


def test_nothing_that_is_not_ours_is_overwritten_or_removed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit, entry = files = service_files(["/bin/true"], home)
    entry.path.parent.mkdir(parents=True)
    for others in ("[Desktop Entry]\nName=mine\n", ""):
        entry.path.write_text(others)
        with pytest.raises(ConfigError, match="expected no file or its own"):
            install(files)
        assert not unit.path.exists(), "all or nothing"
        remove(files)
        assert entry.path.read_text() == others
    entry.path.unlink()
    entry.path.symlink_to(home / "elsewhere")
    with pytest.raises(ConfigError, match="expected no file or its own"):
        install(files)
    assert "left alone" in capsys.readouterr().out


def test_it_writes_enables_nothing_says_how_to_undo_it_and_is_undone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = service_files(["/bin/true"], home)
    install(files)
    install(files)
    said = capsys.readouterr().out
    assert all(f"wrote {file.path}" in said for file in files)
    assert "systemctl --user enable --now onlyme" in said and "--remove" in said
    assert {path for path in home.rglob("*") if path.is_file()} == {file.path for file in files}
    assert all(file.path.read_text().startswith(MARK) for file in files)
    remove(files)
    assert [path for path in home.rglob("*") if path.is_file()] == []
    remove(files)
    assert capsys.readouterr().out.count("is not there") == 2


def test_an_enabled_service_is_not_removed(home: Path) -> None:
    files = service_files(["/bin/true"], home)
    install(files)
    wanted = files[0].path.parent / "graphical-session.target.wants"
    wanted.mkdir()
    (wanted / "onlyme.service").symlink_to(files[0].path)
    with pytest.raises(ConfigError, match="systemctl --user disable --now onlyme"):
        remove(files)
    assert files[0].path.exists()


@pytest.mark.parametrize(
    ("program_path", "folder"), [("/a\nb", "/"), ("/a", "/b\nc"), *((f"/a{letter}b", "/") for letter in "=%$\"'\\")]
)
def test_paths_that_the_files_cannot_express_are_refused(program_path: str, folder: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        service_files([program_path], Path(folder))


def test_a_folder_that_cannot_be_written_is_one_line(home: Path) -> None:
    (home / "config").write_text("a file in the way")
    with pytest.raises(ConfigError, match="expected to write"):
        install([ServiceFile(home / "config" / "x" / "onlyme.service", MARK)])


def test_a_mistake_is_one_line_and_exit_code_2(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["install-service"])
    (home / "data/applications").mkdir(parents=True)
    (home / "data/applications/onlyme.desktop").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        service.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_checkout_is_started_by_its_python_and_an_installed_copy_by_its_command(tmp_path: Path) -> None:
    assert start_command(tmp_path) == [str(Path(sys.executable).with_name("onlyme")), "start"]
    (tmp_path / "pyproject.toml").touch()
    assert start_command(tmp_path) == [sys.executable, "-m", "common.command", "start"]


def test_the_command_of_a_checkout_starts_what_it_names(home: Path) -> None:
    done = subprocess.run(
        [*start_command()[:-1], "install-service", "--remove"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("is not there") == 2
