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


def test_a_new_viewer_is_allowed_and_gets_all_it_needs(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    key = read_viewer_key(store.new("anna", control=True))
    assert store.allowed() == {key.own.public: Allowed("anna", True)}
    assert key.relay_public == store.relay().public == KeyStore(tmp_path / "keys").relay().public
    assert zmq.curve_public(key.own.secret) == key.own.public


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    KeyStore(folder).new("anna")
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
def test_folders_made_for_keys_are_closed_whatever_the_umask_and_those_above_too(
    begin: str, mask: int, tmp_path: Path
) -> None:
    store = KeyStore(tmp_path / "settings" / "onlyme" / "keys")
    with umask(mask):
        if begin == "allow":
            store.allow("ben", zmq.curve_keypair()[0].decode())
        store.new("anna")
    for path in (tmp_path / "settings").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "settings").stat().st_mode) == 0o700


def test_what_others_could_read_is_mended_with_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "keys"
    path = KeyStore(folder).new("anna")
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


def test_what_others_could_have_written_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(tmp_path)
    path = store.new("anna")
    store.new("ben")
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


def test_where_nothing_can_be_opened_nobody_new_gets_in_and_who_is_revoked_is_out(tmp_path: Path) -> None:
    store, other = KeyStore(tmp_path), KeyStore(tmp_path)
    for name in ("anna", "ben", "cem"):
        store.new(name)
    assert len(store.allowed()) == 3
    other.new("dora")
    other.revoke("ben")
    changed = tmp_path / "allowed" / "cem.json"
    changed.write_text(changed.read_text().replace("false", "true"))
    with no_descriptor_left():
        assert [who.name for who in store.allowed().values()] == ["anna"]
    assert sorted((who.name, who.control) for who in store.allowed().values()) == [
        ("anna", False), ("cem", True), ("dora", False),
    ]  # fmt: skip


def test_whoever_is_revoked_is_off_the_list_for_others_too(tmp_path: Path) -> None:
    writer, reader = KeyStore(tmp_path), KeyStore(tmp_path)
    writer.new("anna")
    writer.new("ben")
    assert len(reader.allowed()) == 2
    writer.revoke("anna")
    assert [who.name for who in reader.allowed().values()] == ["ben"]
    assert not (tmp_path / "viewers" / "anna.json").exists(), "its secret need lie nowhere any more"
    writer.new("anna")
    assert len(reader.allowed()) == 2


def test_a_broken_file_allows_nobody_and_keeps_nobody_else_out(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.new("anna")
    (tmp_path / "allowed" / "ben.json").write_text('{"public": "short", "control": true}')
    (tmp_path / "allowed" / "cem.json").write_text("nothing")
    (tmp_path / "allowed" / "dora.json").symlink_to("dora.json")  # which no stat follows to its end
    assert [who.name for who in store.allowed().values()] == ["anna"]


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "a" * 65])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="expected a name"):
        KeyStore(tmp_path).new(name)
    assert not list(tmp_path.rglob("*.json"))


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.new("anna")
    with pytest.raises(KeyFileError, match="expected a new name, got anna"):
        store.new("anna")
    with pytest.raises(KeyFileError, match="40 characters of Z85"):
        store.allow("ben", "short")
    with pytest.raises(KeyFileError, match=r"expected a viewer that is allowed \(anna\), got ben"):
        store.revoke("ben")
    with pytest.raises(KeyFileError, match="cannot read"):
        read_viewer_key(tmp_path / "none.json")
    (tmp_path / "relay.json").write_text(json.dumps({"public": "x"}))
    with pytest.raises(KeyFileError, match="public of relay"):
        store.relay()


def test_by_hand(tmp_path: Path) -> None:
    def keys(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "display.relay.keyring", "--keys", str(tmp_path), *words], cwd=ROOT, check=False,
            env=environment({}, tmp_path), capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert keys("list") == (0, "nobody\n")
    code, said = keys("new", "anna", "--control")
    assert (code, said.splitlines()[0]) == (0, str(tmp_path / "viewers" / "anna.json"))
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
