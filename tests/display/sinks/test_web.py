"""Runs the page's server in this process on a real socket; the test plays the call and the browsers."""

from __future__ import annotations

import ctypes
import http.client
import json
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import FrameInfo, SelectSubject, SetPrivacy
from display.meter import Meter
from display.remote_policy import AT_CAMERA_ONLY
from display.settings import DisplaySettings
from display.sinks import web
from display.sinks.web import WebSink
from display.web import app, latest_frame, server
from tests.call import free_port
from tests.processes.neighbours import wait_for

TOKEN = "t" * 22
EPOCH = 2**62 + 1
MESSAGE = FrameComposed(FrameInfo(EPOCH, 7, 1, 9, "s", 3, 48, 64), 2, "live", "", 80.5, True, "model")
WHITE = np.full((48, 64, 3), 255, np.uint8)


class Page:
    """Holds a web sink and sends requests to it."""

    def __init__(self, sink: WebSink, port: int) -> None:
        self.sink, self.port = sink, port
        self._meter = Meter()

    def show(self, message: FrameComposed) -> None:
        self._meter.add(message, message.frame.captured_ns)
        self.sink.show(WHITE.copy(), message, self._meter)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request; return status, headers and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, answer.headers, said

    def cookie(self) -> str:
        """Return the cookie that the page gives for the token."""
        given = SimpleCookie(self.ask("GET", f"/?token={TOKEN}")[1]["set-cookie"])
        ((name, morsel),) = given.items()
        return f"{name}={morsel.value}"

    def command(self, **command: object) -> tuple[int, str]:
        """Send a command; return status and text of the answer."""
        return self.post("/wish", json.dumps(command))

    def post(self, path: str, body: str, kind: str = "application/json") -> tuple[int, str]:
        """Send what the page sends; return status and text of the answer."""
        headers = {"Cookie": self.cookie(), "Origin": f"http://127.0.0.1:{self.port}", "Content-Type": kind}
        status, _, said = self.ask("POST", path, headers, body)
        return status, said.decode()

    def picture(self, message: FrameComposed) -> np.ndarray:
        """Return the picture that a viewer gets while `message` is shown."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", f"/picture.mjpg?token={TOKEN}")
        answer = connection.getresponse()
        wait_for("the viewer", lambda: self.sink._latest.watching)
        self.show(message)
        while not (line := answer.readline()).startswith(b"Content-Length"):
            pass
        answer.readline()
        jpeg = answer.read(int(line.split(b":")[1]))
        connection.close()
        wait_for("its end", lambda: not self.sink._latest.watching)
        return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))

    def newest(self, seen: int = 0, viewer: int = 1) -> tuple[int, int, dict[str, object], bytes]:
        """Ask for another picture than number `seen`; return status, number, facts and JPEG of the answer."""
        asked = f"/newest.jpg?token={TOKEN}&seen={seen}&viewer={viewer}"
        status, headers, jpeg = self.ask("GET", asked)
        return status, int(headers["onlyme-number"]), json.loads(headers["onlyme-facts"]), jpeg

    @contextmanager
    def connected(self, said: bytes = b"") -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            plain.sendall(said)
            yield plain


@contextmanager
def served(run_dir: Path, host: str = "127.0.0.1", connect: str = "") -> Iterator[Page]:
    port = free_port()
    run_dir.mkdir(exist_ok=True)
    settings = DisplaySettings(run_dir=run_dir, sink="web", web=f"{host}:{port}", token=TOKEN, connect=connect)
    sink = WebSink(settings, False)
    try:
        yield Page(sink, port)
    finally:
        sink.close()


def ends(plain: socket.socket) -> bool:
    """Return whether the server closes the connection within 10 s."""
    deadline = time.monotonic() + 10
    try:
        while plain.recv(65536):
            if time.monotonic() > deadline:
                return False
    except ConnectionResetError:
        return True
    return True


def test_only_the_token_gets_the_cookie(run_dir: Path) -> None:
    with served(run_dir) as page:
        status, headers, said = page.ask("GET", "/")
        assert (status, headers["set-cookie"], headers["connection"]) == (401, None, "close")
        assert said.decode().count("\n") == 1 and "open the whole address that onlyme printed" in said.decode()
        status, headers, _ = page.ask("GET", f"/?token={TOKEN}")
        assert status == 200
        assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))
        assert page.ask("GET", "/", {"Cookie": page.cookie()})[0] == 200
        for path in (
            "/page.js",
            "/page.css",
            "/icon.svg",
            "/metrics",
            "/facts",
            "/picture.mjpg",
            "/newest.jpg",
            "/cameras",
            "/look.js",
        ):
            assert page.ask("GET", path)[0] == 401
        assert page.ask("GET", "/metrics", {"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_two_calls_in_one_browser_have_different_cookies(run_dir: Path, tmp_path: Path) -> None:
    with served(run_dir) as one, served(tmp_path) as two:
        both = {"Cookie": f"{one.cookie()}; {two.cookie()}"}
        assert [page.ask("GET", "/", both)[0] for page in (one, two)] == [200, 200]
        assert one.ask("GET", "/", {"Cookie": two.cookie()})[0] == 401


def test_a_page_on_all_addresses_is_printed_with_addresses_that_can_be_opened(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web, "host_from_elsewhere", lambda host: "192.0.2.7")
    with caplog.at_level(logging.INFO), served(run_dir, "0.0.0.0") as page:
        assert page.ask("GET", f"/?token={TOKEN}")[0] == 200
    assert [line for line in caplog.messages if "open" in line] == [
        f"open http://127.0.0.1:{page.port}/?token={TOKEN}",
        f"on another machine open http://192.0.2.7:{page.port}/?token={TOKEN}",
    ]


def test_the_page_is_watched_while_a_viewer_asks_for_pictures(run_dir: Path) -> None:
    """A hidden tab asks for none."""
    with served(run_dir) as page:
        page.ask("GET", f"/?token={TOKEN}")
        assert not page.sink.is_watched
        page.newest()
        assert page.sink.is_watched
        wait_for("that it has left", lambda: not page.sink.is_watched)


def test_the_page_is_watched_while_it_records_though_nobody_has_it_open(run_dir: Path) -> None:
    with served(run_dir) as page:
        for on in (True, False):
            assert page.post("/recording", json.dumps(on))[0] == 204
            assert page.sink.is_watched == on


def test_a_malformed_host_is_refused_without_an_error(run_dir: Path) -> None:
    with served(run_dir) as page:
        assert page.ask("GET", f"/?token={TOKEN}", {"Host": "[::1"})[0] == 421


def test_a_command_carries_the_epoch_that_the_viewer_saw(run_dir: Path) -> None:
    with served(run_dir) as page:
        assert page.command(epoch=str(EPOCH), subject=[0])[0] == 409, "nothing is shown yet"
        page.show(MESSAGE)
        assert page.command(epoch=str(EPOCH), subject=[0])[0] == 204
        page.show(replace(MESSAGE, frame=replace(MESSAGE.frame, epoch=EPOCH + 1)))
        status, said = page.command(epoch=str(EPOCH), subject=[1])
        assert status == 409 and said.count("\n") == 1
        assert page.command(privacy=[True])[0] == 204
        taken = page.sink.poll().issued
    assert [(issued.epoch, issued.command) for issued in taken] == [(EPOCH, SelectSubject(0)), (0, SetPrivacy(True))]
    assert all(isinstance(issued, CommandIssued) and issued.issued_ns > 0 for issued in taken)
    assert page.sink.poll().issued == ()


@pytest.mark.parametrize("state", ["off", "instances"])
def test_a_page_for_other_machines_never_shows_the_cameras_own_picture(state: str, run_dir: Path) -> None:
    bare = replace(MESSAGE, state=state, privacy=False)
    with served(run_dir, "0.0.0.0") as page:
        assert page.picture(MESSAGE).mean() > 250
        assert page.picture(bare).mean() < 120, "a card"
        assert page.command(epoch=str(EPOCH), privacy=[False]) == (403, f"{AT_CAMERA_ONLY}\n")
        assert page.command(privacy=[False])[0] == 403
        assert page.command(epoch=str(EPOCH), view=[True])[0] == 400
        assert page.command(epoch=str(EPOCH), subject=[10])[0] == 403
        assert page.command(epoch=str(EPOCH), background=["blur"])[0] == 403
        assert page.sink.poll().issued == ()
        assert page.command(epoch=str(EPOCH), privacy=[True])[0] == 204
        assert page.command(epoch=str(EPOCH), subject=[0])[0] == 204
        assert [issued.command for issued in page.sink.poll().issued] == [SetPrivacy(True), SelectSubject(0)]
    with served(run_dir) as page:
        assert page.picture(bare).mean() > 250, "a page on loopback shows it"
        assert page.command(epoch=str(EPOCH), privacy=[False])[0] == 204


def test_what_is_too_long_or_malformed_is_one_line_that_names_no_other_thing(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MAX_UPLOAD_BYTES", 2000)
    with served(run_dir) as page:
        assert page.post("/background", "x" * 2001, "image/jpeg") == (400, "expected at most 2,000 bytes, got more\n")
        assert page.post("/background", "x" * 2000, "image/jpeg") == (
            400,
            "image: expected a plain JPEG of at most 3840 x 2160 pixels, got another file\n",
        )
        assert page.post("/wish", "x" * 1001) == (400, "expected at most 1,000 bytes, got more\n")
        assert page.post("/recording", "on") == (400, "recording: expected true or false, got b'on'\n")


@pytest.mark.parametrize(
    ("host", "message", "mirrored"),
    [
        ("127.0.0.1", MESSAGE, True),
        ("127.0.0.1", replace(MESSAGE, notice="no camera"), False),
        ("127.0.0.1", replace(MESSAGE, state="lost"), False),
        ("0.0.0.0", MESSAGE, False),
    ],
)
def test_a_picture_is_mirrored_for_who_is_in_it_unless_it_holds_text(
    host: str, message: FrameComposed, mirrored: bool, run_dir: Path
) -> None:
    with served(run_dir, host) as page:
        page.show(message)
        assert page.newest()[2]["mirrored"] is mirrored


def test_a_page_that_shows_a_relay_refuses_what_the_relay_refuses(run_dir: Path) -> None:
    with served(run_dir, connect="tcp://127.0.0.1:5555") as page:
        page.picture(MESSAGE)
        assert page.command(epoch=str(EPOCH), privacy=[False]) == (403, f"{AT_CAMERA_ONLY}\n")
        assert page.command(epoch=str(EPOCH), subject=[2])[0] == 204


SHOWN = f"GET /page.js?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
COMMAND = "POST /wish HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n"  # fmt: skip


@pytest.mark.parametrize("first", ["", SHOWN], ids=["at first", "after an answer"])
@pytest.mark.parametrize(
    "then",
    ["", "G", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", COMMAND, COMMAND + "{{"],
    ids=["silent", "one byte", "half a head", "no body", "half a body"],
)
def test_an_unfinished_request_is_closed_after_the_timeout(
    first: str, then: str, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", 0.3)
    with served(run_dir) as page, page.connected(first.encode()) as plain:
        if first:
            assert plain.recv(1000).startswith(b"HTTP/1.1 200")
        plain.sendall(then.format(cookie=page.cookie()).encode())
        assert ends(plain)


def test_single_bytes_do_not_extend_the_timeout(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", 0.5)
    with served(run_dir) as page, page.connected(f"GET /page.js?token={TOKEN} HTTP/1.1\r\n".encode()) as plain:
        plain.settimeout(0.05)
        for _ in range(100):
            try:
                plain.sendall(b"x")
                if not plain.recv(1000):
                    return
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                return
    pytest.fail("it was not ended within 5 s")


def test_unauthenticated_connections_do_not_displace_authenticated_ones(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_UNAUTHENTICATED", 3)
    with served(run_dir) as page, page.connected(f"GET /facts?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()) as owner:  # fmt: skip
        assert owner.recv(1000).startswith(b"HTTP/1.1 200")
        strangers = [socket.create_connection(("127.0.0.1", page.port), timeout=10) for _ in range(6)]
        assert all(ends(plain) for plain in strangers[:3]), "the oldest are closed for new ones"
        assert page.ask("GET", f"/page.js?token={TOKEN}")[0] == 200, "a new connection with the token is answered"
        assert owner.recv(1000), "facts still come"
        for plain in strangers:
            plain.close()


def test_authenticated_connections_are_limited_too(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_AUTHENTICATED", 2)
    facts = f"GET /facts?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with served(run_dir) as page, page.connected(facts) as first, page.connected(facts) as second:
        for plain in (first, second):
            assert plain.recv(1000).startswith(b"HTTP/1.1 200")
        with page.connected(facts) as third:
            assert third.recv(1000).startswith(b"HTTP/1.1 200")
            assert ends(first)
            assert second.recv(1000)


def test_a_page_gets_the_picture_with_its_facts_and_waits_for_another(run_dir: Path) -> None:
    with served(run_dir) as page:
        assert page.newest() == (204, 0, {"watching": 1}, b""), "nothing is shown yet"
        page.show(MESSAGE)
        status, number, facts, jpeg = page.newest()
        assert (status, number, facts["state"], facts["epoch"]) == (200, 1, "live", str(EPOCH))
        assert np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)).shape == WHITE.shape
        status, number, facts, jpeg = page.newest(seen=1, viewer=2)
        assert (status, number, facts["watching"], jpeg) == (204, 1, 2, b"")
        page.show(replace(MESSAGE, state="hidden", reason="nobody found: à"))
        status, number, facts, _ = page.newest(seen=1)
        assert (status, number, facts["reason"]) == (200, 2, "nobody found: à")
        for wrong in ("", "&seen=1", "&seen=x&viewer=1"):
            assert page.ask("GET", f"/newest.jpg?token={TOKEN}{wrong}")[0] == 400


def test_a_picture_from_before_a_pause_is_never_sent(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(run_dir) as page:
        page.newest()
        page.show(MESSAGE)
        assert page.newest()[0] == 200
        monkeypatch.setattr(latest_frame, "VIEWER_S", 0.0)  # its viewer has left
        page.show(MESSAGE)
        monkeypatch.undo()
        status, number, _, _ = page.newest(seen=1, viewer=2)
        assert status == 204, "the picture of before is old by now"
        assert number != 1, "a page that still shows it learns so"
        page.show(MESSAGE)
        assert page.newest(viewer=2)[0] == 200


def test_a_streamed_picture_is_complete_before_the_next_one_comes(run_dir: Path) -> None:
    with served(run_dir) as page, page.connected(f"GET /picture.mjpg?token={TOKEN} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()) as plain:  # fmt: skip
        wait_for("the viewer", lambda: page.sink._latest.watching)
        page.show(MESSAGE)
        got = b""
        while not got.endswith(b"\xff\xd9\r\n--onlyme\r\n"):
            got += plain.recv(65536)  # the test's timeout ends this
        assert got.count(b"Content-Type: image/jpeg") == 1


def test_the_body_of_an_answer_does_not_wait_for_the_head_to_be_acknowledged() -> None:
    with (
        server.listen("127.0.0.1", free_port(), False) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # a program for the kernel's packet filter: return 0 bytes of each packet
SO_ATTACH_FILTER = 26


def leave_without_a_word(plain: socket.socket) -> None:
    """Drop whatever comes for this connection from now on, as a network that is gone does; nothing is acknowledged."""
    program = ctypes.create_string_buffer(DROP_ALL)
    plain.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def stand_still(_: socket.socket) -> None:
    """Read nothing more, as a browser that was stopped does; its kernel goes on acknowledging."""


@pytest.mark.parametrize("end", [leave_without_a_word, stand_still])
def test_a_viewer_that_takes_nothing_more_is_closed(
    end: Callable[[socket.socket], None], run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SEND_TIMEOUT_S", 0.3)
    request = f"GET /picture.mjpg?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)  # a large JPEG
    with served(run_dir) as page, page.connected(request) as plain:
        wait_for("the viewer", lambda: page.sink._latest.watching)
        page.show(MESSAGE)
        assert plain.recv(1000).startswith(b"HTTP/1.1 200")
        end(plain)

        def is_gone() -> bool:
            page.sink.show(noise, MESSAGE, Meter())
            return not page.sink._latest.watching

        wait_for("the end of its connection", is_gone)
