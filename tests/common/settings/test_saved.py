from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError
from common.settings.loader import read_with_origin
from common.settings.saved import MAX_BYTES, SAVED, forget, save, without_saved
from compose.settings import ComposeSettings
from tests.settings import read

LOOK: dict[str, Any] = {
    "hide": "people", "follow": True, "feather": 2.5, "margin": -3.0, "blur": 2.0, "background": "color:00ff00",
}  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "onlyme" / "settings.toml"


def test_what_was_saved_is_read_next_time(saved: Path) -> None:
    save(saved, LOOK)
    got = read(ComposeSettings, saved=saved)
    assert {name: getattr(got, name) for name in SAVED} == LOOK


def test_a_setting_is_saved_beside_those_that_are_there(saved: Path) -> None:
    save(saved, LOOK)
    save(saved, {"hide": "room"})
    got = read(ComposeSettings, saved=saved)
    assert (got.hide, got.follow, got.background) == ("room", True, "color:00ff00")


def test_flags_the_environment_and_dotenv_come_before_what_was_saved(saved: Path, tmp_path: Path) -> None:
    save(saved, LOOK)
    (tmp_path / ".env").write_text("ONLYME_FEATHER=7\n")
    env = {"ONLYME_HIDE": "room"}
    found = read_with_origin(
        ComposeSettings, "test", ["--margin", "4", "--keep", "dog"], env, tmp_path / ".env", saved_path=saved
    )
    got = found.settings
    assert (got.hide, got.feather, got.margin, got.background) == ("room", 7.0, 4.0, "color:00ff00")
    assert found.fixed == {"hide", "feather", "margin", "keep"}


def test_a_flag_that_says_the_default_is_fixed_too(saved: Path) -> None:
    save(saved, LOOK)
    found = read_with_origin(ComposeSettings, "test", ["--hide", "room"], {}, Path("none"), saved_path=saved)
    assert (found.settings.hide, set(found.fixed)) == ("room", {"hide"})


def test_how_a_live_call_looks_changes_no_recording(saved: Path) -> None:
    save(saved, LOOK)
    assert read(ComposeSettings, "--pace", "every", saved=saved).hide == "room"


@pytest.mark.parametrize(
    "name", ["privacy", "subject", "token", "sink", "out", "record", "keep", "return", "view", "hide\nsubject"]
)
def test_nothing_that_shows_more_or_opens_the_page_is_saved(name: str, saved: Path) -> None:
    with pytest.raises(ConfigError, match="may not be saved"):
        save(saved, {name: "all"})
    assert not saved.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hide = ", "expected TOML, got: Invalid value"),
        pytest.param("hide = " + "[" * 60_000, "expected TOML, got: maximum recursion depth", id="nested"),
        pytest.param("blur = " + "1" * 5000, "expected TOML, got: Exceeds the limit", id="a long number"),
        ("hide = 'nobody'", "hide: expected one of room, people, got 'nobody'"),
        ("hide = ['room']", "hide: expected one of room, people, got ['room']"),
        ("[hide]\nx = 1", "hide: expected one of room, people"),
        ("follow = 1", "follow: expected one of yes, no, got 1"),
        ("feather = 'inf'", "feather: expected a number 0..40, got 'inf'"),
        ("feather = nan", "feather: expected a number 0..40"),
        ("blur = 0.5", "blur: expected a number 1..8, or 0, got 0.5"),
        ("subject = 'all'", "expected hide, follow, feather, margin, blur, background, got 'subject'"),
        ("token = 'x'", "got 'token'"),
        ("background = 'image:'", "background: expected blur"),
    ],
)
def test_a_malformed_file_is_one_clear_line(text: str, says: str, saved: Path) -> None:
    saved.parent.mkdir()
    saved.write_text(text)
    with pytest.raises(ConfigError) as error:
        read(ComposeSettings, saved=saved)
    line = str(error.value)
    assert says in line and line.startswith(str(saved)) and line.endswith("mend or remove the file")
    assert "\n" not in line


def test_a_file_that_is_no_text_or_may_not_be_read_is_one_line(saved: Path) -> None:
    saved.mkdir(parents=True)
    with pytest.raises(ConfigError, match="expected a file that you may read, got: Is a directory"):
        read(ComposeSettings, saved=saved)
    saved.rmdir()
    saved.write_bytes(b"hide = '\xff'")
    with pytest.raises(ConfigError, match="expected TOML"):
        read(ComposeSettings, saved=saved)


def test_the_file_is_the_users_alone_and_whole(saved: Path) -> None:
    save(saved, {"hide": "people"})
    assert saved.stat().st_mode & 0o777 == 0o600
    assert saved.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_takes_no_file_is_said_and_the_old_file_stays(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(saved, {"hide": "people"})

    opened = os.open

    def full(path: Path, flags: int, mode: int = 0) -> int:
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return opened(path, flags, mode)

    monkeypatch.setattr("common.runtime.private_files.os.open", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\)"):
        save(saved, {"hide": "room"})
    monkeypatch.undo()
    assert read(ComposeSettings, saved=saved).hide == "people"


def test_what_is_no_file_or_is_far_too_long_keeps_nobody_waiting(saved: Path) -> None:
    saved.parent.mkdir()
    os.mkfifo(saved)
    for act in (lambda: read(ComposeSettings, saved=saved), lambda: save(saved, {"hide": "room"})):
        with pytest.raises(ConfigError, match="expected a file of at most 64000 bytes, got something else"):
            act()
    saved.unlink()
    saved.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="got something else"):
        read(ComposeSettings, saved=saved)
    saved.unlink()
    saved.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="got something else"):
        read(ComposeSettings, saved=saved)
    saved.write_text("#" * MAX_BYTES)
    assert read(ComposeSettings, saved=saved).hide == "room"


@pytest.mark.parametrize(
    "edited",
    [
        "hide = 2026-01-01",
        "hide = ['x']",
        "[hide]\nx = 1",
        "margin = nan",
        "margin = -inf",
        "token = 'x'",
        pytest.param("margin = " + "1" * 400, id="a long number"),
    ],
)
def test_what_was_edited_during_a_call_is_one_line_and_stays(edited: str, saved: Path) -> None:
    saved.parent.mkdir()
    saved.write_text(edited)
    with pytest.raises(ConfigError, match="mend or remove the file") as error:
        save(saved, {"blur": 2.0})
    assert "\n" not in str(error.value) and saved.read_text() == edited


def test_every_letter_of_a_path_is_kept_when_something_is_saved_beside_it(saved: Path) -> None:
    path = 'image:/home/me/\N{GRINNING FACE}\N{LATIN SMALL LETTER U WITH DIAERESIS}\x7f\\ "x"\t.png'
    save(saved, {"background": path})
    save(saved, {"blur": 2.0})
    assert read(ComposeSettings, saved=saved).background == path


def test_a_link_is_replaced_and_what_it_leads_to_stays(saved: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_text("hide = 'people'")
    saved.parent.mkdir()
    saved.symlink_to(elsewhere)
    save(saved, {"blur": 2.0})
    assert read(ComposeSettings, saved=saved).hide == "people" and not saved.is_symlink()
    assert elsewhere.read_text() == "hide = 'people'"


def test_what_is_forgotten_leaves_what_is_fixed(saved: Path, tmp_path: Path) -> None:
    save(saved, LOOK)
    env = {"ONLYME_HIDE": "people", "ONLYME_KEEP": "dog"}
    found = read_with_origin(ComposeSettings, "test", ["--margin", "4"], env, tmp_path / "none", saved_path=saved)
    forget(saved)
    forget(saved)
    again = read_with_origin(ComposeSettings, "test", ["--margin", "4"], env, tmp_path / "none", saved_path=saved)
    assert without_saved(found.settings, found.fixed) == again.settings != found.settings
    assert not saved.exists()


def test_what_cannot_be_forgotten_is_said(saved: Path) -> None:
    saved.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be removed"):
        forget(saved)
