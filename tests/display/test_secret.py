from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import DisplayError
from common.runtime.procinfo import start_time
from display.web.secret import credentials, load_or_create_secret, owner
from tests.shared import ROOT


def test_a_restart_keeps_the_secret_and_another_call_gets_another(tmp_path: Path) -> None:
    path = tmp_path / "web-1.secret"
    first = load_or_create_secret(path, "100-200")
    assert len(first) == 32
    assert load_or_create_secret(path, "100-200") == first
    second = load_or_create_secret(path, "100-201")
    assert second != first
    assert load_or_create_secret(path, "100-200") not in (first, second), "no secret is used again"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-2] + "\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.split()[0] + " \n",
        lambda text: text.split()[1],
        lambda text: text.replace(text.split()[1], "g" * 64),
        lambda text: text + text,
        lambda text: "\xe9" + text,
    ],
    ids=["empty", "short", "no end", "owner only", "secret only", "no number", "twice", "not ASCII"],
)
def test_a_damaged_secret_is_replaced(change: object, tmp_path: Path) -> None:
    path = tmp_path / "web-1.secret"
    first = load_or_create_secret(path, "1-2")
    assert callable(change)
    path.write_text(change(path.read_text()))
    second = load_or_create_secret(path, "1-2")
    assert len(second) == 32 and second != first
    assert load_or_create_secret(path, "1-2") == second, "the new secret was written"


def test_the_secret_is_written_atomically_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "web-1.secret"
    path.with_suffix(".new").write_text("of a display that was killed while it wrote")
    path.with_suffix(".new").chmod(0o666)
    load_or_create_secret(path, "1-2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match=r"expected to write .*web-1\.secret, got No such file"):
        load_or_create_secret(tmp_path / "gone" / "web-1.secret", "1-2")


def test_the_cookies_name_holds_port_and_call() -> None:
    one, again, port, call = (credentials(s, p, "") for s, p in ((b"a", 1), (b"a", 1), (b"a", 2), (b"b", 1)))
    assert one == again
    assert one.cookie.startswith("onlyme-1-")
    assert len({one.cookie, port.cookie, call.cookie}) == 3
    assert len({one.token, one.session, call.token, call.session}) == 4
    assert credentials(b"a", 1, "chosen-by-the-user") == one._replace(token="chosen-by-the-user")


def test_the_owner_is_the_parent_process() -> None:
    code = "from display.web.secret import owner; print(owner())"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"{os.getpid()}-{start_time(os.getpid())}\n"


def test_a_parent_in_another_pid_namespace_keeps_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getppid", lambda: 0)  # of another pid namespace
    assert owner() != owner()
