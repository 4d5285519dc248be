from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from common.errors import KeyFileError
from display.relay.keyring import Allowed, KeyStore, read_viewer_key
from tests.call import environment
from tests.conftest import no_descriptor_left
from tests.shared import ROOT


def test_the_file_of_a_new_viewer_holds_all_keys_and_the_viewer_is_allowed(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    key = read_viewer_key(store.new("anna", tmp_path, control=True))
    assert store.allowed() == {key.own.public: Allowed("anna", True)}
    assert key.relay_public == store.relay().public == KeyStore(tmp_path / "keys").relay().public
    assert zmq.curve_public(key.own.secret) == key.own.public


def test_only_the_owner_may_read_the_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    KeyStore(folder).new("anna", folder)
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert len(list(folder.rglob("*.json"))) == len([p for p in folder.rglob("*") if p.is_file()]) == 3


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("begin", ["new", "allow"])
@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_new_folders_of_keys_have_mode_0700_whatever_the_umask(begin: str, mask: int, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "settings" / "onlyme" / "keys")
    with umask(mask):
        if begin == "allow":
            store.allow("ben", zmq.curve_keypair()[0].decode())
        store.new("anna", tmp_path / "settings" / "onlyme" / "handed")
    for path in (tmp_path / "settings").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "settings").stat().st_mode) == 0o700


def test_a_file_that_others_can_read_gets_mode_0600_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "keys"
    path = KeyStore(folder).new("anna", folder)
    for loose in (folder, folder / "allowed"):
        loose.chmod(0o755)
    for loose in (folder / "relay.json", path):
        loose.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        KeyStore(folder).relay()
        read_viewer_key(path)
    assert [r.getMessage().split(":")[0] for r in caplog.records] == ["keys"] * 3
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755, "a folder that was there keeps its mode"
    for mended in folder.rglob("*"):
        assert not stat.S_IMODE(mended.stat().st_mode) & 0o077, mended


def test_a_file_that_others_can_write_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(tmp_path)
    path = store.new("anna", tmp_path)
    store.new("ben", tmp_path)
    path.chmod(0o620)
    with pytest.raises(KeyFileError, match=r"writable by you alone, got mode 620.*chmod 600"):
        read_viewer_key(path)
    (tmp_path / "allowed" / "anna.json").chmod(0o666)
    assert [[who.name for who in store.allowed().values()] for _ in range(3)] == [["ben"]] * 3
    assert len([r for r in caplog.records if "allows nobody" in r.getMessage()]) == 1, "said once"
    (tmp_path / "allowed" / "anna.json").chmod(0o600)
    assert len(store.allowed()) == 2
    if os.geteuid() == 0:
        os.chown(tmp_path / "allowed" / "anna.json", 65534, 65534)
        assert [who.name for who in store.allowed().values()] == ["ben"], "somebody else's file"


def test_when_no_file_can_be_opened_known_viewers_stay_and_revoked_ones_go(tmp_path: Path) -> None:
    store, other = KeyStore(tmp_path), KeyStore(tmp_path)
    for name in ("anna", "ben", "cem"):
        store.new(name, tmp_path)
    assert len(store.allowed()) == 3
    other.new("dora", tmp_path)
    other.revoke("ben")
    changed = tmp_path / "allowed" / "cem.json"
    changed.write_text(changed.read_text().replace("false", "true"))
    with no_descriptor_left():
        assert [who.name for who in store.allowed().values()] == ["anna"]
    assert sorted((who.name, who.control) for who in store.allowed().values()) == [
        ("anna", False), ("cem", True), ("dora", False),
    ]  # fmt: skip


def test_another_process_sees_that_a_viewer_was_revoked(tmp_path: Path) -> None:
    writer, reader = KeyStore(tmp_path), KeyStore(tmp_path)
    writer.new("anna", tmp_path)
    writer.new("ben", tmp_path)
    assert len(reader.allowed()) == 2
    writer.revoke("anna")
    assert [who.name for who in reader.allowed().values()] == ["ben"]
    (tmp_path / "anna.json").unlink()
    writer.new("anna", tmp_path)
    assert len(reader.allowed()) == 2


def test_a_broken_file_allows_nobody_and_the_others_still_count(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.new("anna", tmp_path)
    (tmp_path / "allowed" / "ben.json").write_text('{"public": "short", "control": true}')
    (tmp_path / "allowed" / "cem.json").write_text("nothing")
    (tmp_path / "allowed" / "dora.json").symlink_to("dora.json")  # which no stat follows to its end
    assert [who.name for who in store.allowed().values()] == ["anna"]


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "a" * 65])
def test_a_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="expected a name"):
        KeyStore(tmp_path).new(name, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("name", ["anna.json", "nowhere/anna.json"])
def test_a_viewer_whose_file_cannot_be_made_is_not_allowed(name: str, tmp_path: Path) -> None:
    """A file that is there may hold keys that somebody uses."""
    store, file = KeyStore(tmp_path / "keys"), tmp_path / name
    (tmp_path / "nowhere").touch()
    (tmp_path / "anna.json").write_text("mine")
    with pytest.raises(KeyFileError, match=str(file)):
        store.new("anna", file.parent)
    assert (tmp_path / "anna.json").read_text() == "mine"
    assert store.allowed() == {}


def test_a_file_that_cannot_be_used_is_named_in_the_error(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.new("anna", tmp_path)
    with pytest.raises(KeyFileError, match="expected a new name, got anna"):
        store.new("anna", tmp_path)
    with pytest.raises(KeyFileError, match="40 characters of Z85"):
        store.allow("ben", "short")
    with pytest.raises(KeyFileError, match=r"expected a viewer that is allowed \(anna\), got ben"):
        store.revoke("ben")
    with pytest.raises(KeyFileError, match="cannot read"):
        read_viewer_key(tmp_path / "none.json")
    (tmp_path / "relay.json").write_text(json.dumps({"public": "x"}))
    with pytest.raises(KeyFileError, match="public of relay"):
        store.relay()


def test_the_commands_make_list_and_revoke_keys(tmp_path: Path) -> None:
    store, here = tmp_path / "keys", tmp_path / "here"
    here.mkdir()

    def keys(*words: str, **settings: object) -> tuple[int, str]:
        env = {**environment(settings, tmp_path), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "display.relay.keyring", "--keys", str(store), *words], cwd=here, check=False, env=env,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert keys("list") == (0, "nobody\n")
    code, said = keys("new", "anna", "--control", relay="tcp://192.0.2.7:5556")
    assert (code, said.splitlines()[0]) == (0, str(here / "anna.json"))
    assert said.splitlines()[-1] == "python -m display --connect tcp://192.0.2.7:5556 --key anna.json"
    read_viewer_key(here / "anna.json")
    public = "-" + zmq.curve_keypair()[0].decode()[1:]  # one of 85 begins so, and was taken for an option
    assert keys("allow", "ben", public)[0] == 0
    code, said = keys("list")
    assert [line.split()[0] for line in said.splitlines()] == ["anna", "ben"]
    assert "may control" in said.splitlines()[0] and public in said.splitlines()[1]
    assert keys("revoke", "anna") == (0, "anna may watch no more\n")
    code, said = keys("revoke", "anna")
    assert (code, said.count("\n")) == (1, 1)


def test_a_bad_setting_is_one_clear_line(tmp_path: Path) -> None:
    env = {**environment({}, tmp_path), "ONLYME_KERNAL": "21"}
    done = subprocess.run(
        [sys.executable, "-m", "display.relay.keyring", "list"],
        cwd=ROOT,
        check=False,
        env=env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "ONLYME_KERNAL: no such setting" in done.stderr and done.stderr.count("\n") == 1
