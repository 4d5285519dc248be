"""Floods the page of a real display process with connections that send nothing."""

from __future__ import annotations

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from display.web.server import MAX_UNAUTHENTICATED
from tests.call import free_port
from tests.processes.neighbours import child_of, stage, wait_for

TOKEN = "t" * 22
FLOOD = 1100  # connections
OPEN_FILES = 1024  # what a process may have


@pytest.fixture(autouse=True)
def many_open_files() -> Iterator[None]:
    """Allow this process as many connections as the flood has."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * FLOOD, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def page(run_dir: Path) -> Iterator[tuple[int, int]]:
    """Start a display with the page and no compose; yield the port, and the pid of the child that serves it."""
    port = free_port()
    with stage("display", run_dir, sink="web", web=f"127.0.0.1:{port}", token=TOKEN) as process:
        wait_for("the page", lambda: is_open(port))
        child = child_of(process.pid)
        assert child is not None
        resource.prlimit(child, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        yield port, child
        assert child_of(process.pid) == child, "the display was not restarted"


def is_open(port: int) -> bool:
    with socket.socket() as plain:
        return plain.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str) -> http.client.HTTPResponse:
    """Send a request; return the answer before it is read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    connection.request("GET", f"{path}?token={TOKEN}")
    return connection.getresponse()


def facts_in(answer: http.client.HTTPResponse) -> dict[str, object]:
    """Return the next facts of the stream."""
    while not (line := answer.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    facts: dict[str, object] = json.loads(line.removeprefix(b"data: "))
    return facts


def still_open(strangers: list[socket.socket]) -> int:
    def is_held(plain: socket.socket) -> bool:
        plain.setblocking(False)
        try:
            while plain.recv(65536):
                continue
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    return sum(map(is_held, strangers))


def test_a_flood_of_connections_does_not_keep_the_owner_out(run_dir: Path) -> None:
    with page(run_dir) as (port, child), ExitStack() as strangers:
        facts, picture = ask(port, "/facts"), ask(port, "/picture.mjpg")
        facts_in(facts)
        held, most = [], 0
        for number in range(FLOOD):
            plain = strangers.enter_context(socket.socket())
            plain.setblocking(False)
            plain.connect_ex(("127.0.0.1", port))
            held.append(plain)
            if number % 50 == 0:
                most = max(most, len(list(Path(f"/proc/{child}/fd").iterdir())))
                assert ask(port, "/page.js").status == 200, "a request in the middle of the flood is answered"
        assert facts_in(facts)["watching"] == 1
        assert picture.readline() and most < OPEN_FILES / 2
        wait_for("no more than have places", lambda: still_open(held) <= MAX_UNAUTHENTICATED, patience_s=3)
        wait_for("the end of all", lambda: still_open(held) == 0)
        assert facts_in(facts)["watching"] == 1


def test_connections_of_refused_requests_are_closed(run_dir: Path) -> None:
    with page(run_dir) as (port, _), ExitStack() as strangers:
        held = []
        for _ in range(205):
            plain = strangers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=3))
            plain.sendall(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")
            assert plain.recv(100).startswith(b"HTTP/1.1 421")
            held.append(plain)
        for plain in held:
            try:
                plain.sendall(b"G")
            except OSError:
                continue
        assert ask(port, "/page.js").status == 200
        assert still_open(held) == 0, "before any timeout"
