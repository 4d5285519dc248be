from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from common.runtime.holders import holders_of_file, holders_of_port

LISTEN = """
import socket
server = socket.create_server(({host!r}, 0), family=socket.AF_INET6 if ":" in {host!r} else socket.AF_INET)
print(server.getsockname()[1], flush=True)
input()
"""


def test_a_program_that_has_a_file_open_is_named_once(tmp_path: Path) -> None:
    file, link = tmp_path / "video0", tmp_path / "link"
    file.touch()
    link.symlink_to(file)
    with file.open("r+"):
        assert holders_of_file(file) == "", "this process is not told that it has the file itself"
    with file.open("r+") as held, subprocess.Popen(["sleep", "100"], stdin=held, stdout=held) as other:
        try:
            assert holders_of_file(file) == holders_of_file(link) == f"sleep (pid {other.pid})"
        finally:
            other.kill()
    assert holders_of_file(file) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
def test_a_program_that_listens_on_a_port_is_named(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6")
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN.format(host=host)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        port = int(other.stdout.readline())
        assert holders_of_port(port).endswith(f"(pid {other.pid})")
        other.communicate("\n")
    assert holders_of_port(port) == ""
