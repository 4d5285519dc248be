from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import pytest

from common.errors import MessageError
from common.ipc.records import (
    Command,
    ResetStyle,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
)
from display.web.app import parse_command, refusal_of
from display.web.request_policy import RequestPolicy, WebRequest
from display.web.secret import Credentials

PORT = 8765
OPENS = Credentials("t" * 22, f"onlyme-{PORT}-abcdefgh", "s" * 22)
HERE = f"127.0.0.1:{PORT}"
COOKIE = {OPENS.cookie: OPENS.session}
POST = {"host": HERE, "origin": f"http://{HERE}", "content-type": "application/json"}
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def status_of(
    headers: Mapping[str, str],
    cookies: Mapping[str, str] | None = None,
    token: str | None = None,
    method: str = "GET",
    path: str = "/",
) -> HTTPStatus | None:
    """Return None, or the status of the refusal."""
    refused = RequestPolicy(OPENS).check(WebRequest(method, path, token, cookies or {}, {"host": HERE, **headers}))
    return refused[0] if refused else None


@pytest.mark.parametrize("path", ["/", "/page.js", "/icon.svg", "/picture.mjpg", "/facts", "/metrics", "/wish", "/x"])
@pytest.mark.parametrize("token", [None, "", "x" * 22, "\xe9"])
def test_nothing_is_answered_without_the_token(path: str, token: str | None) -> None:
    assert status_of({}, token=token, path=path) == HTTPStatus.UNAUTHORIZED
    bearer = {"authorization": f"Bearer {token or ''}"}
    assert status_of(bearer, path=path) == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "cookies",
    [
        {"onlyme": OPENS.session},  # of an earlier version
        {OPENS.cookie: ""},
        {OPENS.cookie: "x" * 22},
        {OPENS.cookie: "\xe9"},
        {"onlyme-8765-hgfedcba": OPENS.session},  # of another call on this port
        {"onlyme-8766-abcdefgh": OPENS.session},  # of this call on another port
    ],
)
def test_only_the_cookie_of_this_call_and_port_opens_the_page(cookies: dict[str, str]) -> None:
    assert status_of({}, cookies) == HTTPStatus.UNAUTHORIZED
    assert status_of({}, {**cookies, **COOKIE}) is None


def test_the_token_opens_the_page_in_the_query_and_in_a_header() -> None:
    assert status_of({}, token=OPENS.token, path="/picture.mjpg") is None
    assert status_of({"authorization": f"Bearer {OPENS.token}"}, path="/metrics") is None
    assert status_of({"authorization": f"bearer  {OPENS.token} "}, path="/metrics") is None
    assert status_of({"authorization": f"Basic {OPENS.token}"}, path="/metrics") == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "host", [HERE, "localhost:8765", "[::1]:8765", "127.0.0.1", "localhost", "[::1]", "127.0.0.1:9000", "10.0.0.1:80"]
)
def test_requests_through_a_forwarded_port_are_answered(host: str) -> None:
    assert status_of({"host": host}, COOKIE) is None
    assert status_of({"host": host}, token=OPENS.token) is None


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8765", "[::1", "localhost.evil:8765", ":8765", "127.0.0.1:x", "[fe80::1%evil.example]:8765"])  # fmt: skip
def test_a_host_name_other_than_localhost_is_refused(host: str) -> None:
    assert status_of({"host": host}, COOKIE, OPENS.token) == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
@pytest.mark.parametrize("path", ["/", "/facts", "/picture.mjpg"])
def test_other_pages_of_the_same_browser_get_nothing(site: str, path: str) -> None:
    assert status_of({"sec-fetch-site": site}, COOKIE, OPENS.token, path=path) == HTTPStatus.FORBIDDEN
    assert status_of({**LINK, "sec-fetch-site": site}, COOKIE, path=path) == HTTPStatus.FORBIDDEN


def test_a_link_of_another_site_opens_the_page_with_the_right_token_only() -> None:
    assert status_of(LINK, token=OPENS.token) is None
    assert status_of(LINK, COOKIE, "x" * 22) == HTTPStatus.FORBIDDEN
    assert status_of(LINK, token=OPENS.token, path="/picture.mjpg") == HTTPStatus.FORBIDDEN
    assert status_of({**LINK, "sec-fetch-dest": "iframe"}, token=OPENS.token) == HTTPStatus.FORBIDDEN
    assert status_of({**LINK, "sec-fetch-mode": "no-cors"}, token=OPENS.token) == HTTPStatus.FORBIDDEN
    assert status_of({**POST, **LINK}, COOKIE, OPENS.token, method="POST") == HTTPStatus.FORBIDDEN


def test_the_page_itself_may_send_commands() -> None:
    assert status_of(POST, COOKIE, method="POST", path="/wish") is None
    forwarded = {"host": "localhost:9000", "origin": "http://localhost:9000"}
    assert status_of({**POST, **forwarded}, COOKIE, method="POST", path="/wish") is None


@pytest.mark.parametrize(
    ("change", "cookies", "status"),
    [
        ({}, {}, HTTPStatus.UNAUTHORIZED),
        ({}, {OPENS.cookie: "x" * 22}, HTTPStatus.UNAUTHORIZED),
        ({"authorization": f"Bearer {OPENS.token}"}, {}, HTTPStatus.FORBIDDEN),
        ({"origin": "http://evil.example"}, COOKIE, HTTPStatus.FORBIDDEN),
        ({"origin": "http://127.0.0.1:8766"}, COOKIE, HTTPStatus.FORBIDDEN),
        ({"origin": "null"}, COOKIE, HTTPStatus.FORBIDDEN),
        ({"origin": f"https://{HERE}"}, COOKIE, HTTPStatus.FORBIDDEN),
        ({"content-type": "text/plain"}, COOKIE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        ({"content-type": "application/x-www-form-urlencoded"}, COOKIE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ],
)
def test_nobody_but_the_page_may_send_commands(
    change: dict[str, str], cookies: dict[str, str], status: HTTPStatus
) -> None:
    assert status_of({**POST, **change}, cookies, method="POST", path="/wish") == status


def test_an_upload_is_an_image_and_nothing_else_is() -> None:
    image = {**POST, "content-type": "image/jpeg"}
    assert status_of(image, COOKIE, method="POST", path="/background") is None
    assert status_of(POST, COOKIE, method="POST", path="/background") == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert status_of(image, COOKIE, method="POST", path="/wish") == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    elsewhere = {**image, "origin": "http://evil.example"}
    assert status_of(elsewhere, COOKIE, method="POST", path="/background") == HTTPStatus.FORBIDDEN
    assert status_of(image, method="POST", path="/background") == HTTPStatus.UNAUTHORIZED
    assert status_of(image, token=OPENS.token, method="POST", path="/background") == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        (b'{"privacy": [true]}', (None, SetPrivacy(True))),
        (b'{"epoch": "9223372036854775807", "subject": [10]}', (2**63 - 1, SelectSubject(10))),
        (b'{"epoch": "7", "point": [0.5, 1]}', (7, SelectSubjectAt(0.5, 1.0))),
        (b'{"epoch": "7", "background": ["color:00ff00"]}', (7, SetBackground("color:00ff00"))),
        (b'{"epoch": "7", "subject": [2, true]}', (7, SelectSubject(2, from_right=True))),
        (b'{"epoch": "7", "hide": ["people"]}', (7, SetHide("people"))),
        (b'{"epoch": "7", "follow": [true]}', (7, SetFollow(True))),
        (b'{"epoch": "7", "edge": [2, -3.5]}', (7, SetEdge(2.0, -3.5))),
        (b'{"epoch": "7", "blur": [2]}', (7, SetBlur(2.0))),
        (b'{"epoch": "7", "forget": []}', (7, ResetStyle())),
    ],
)
def test_a_command_is_parsed(body: bytes, parsed: tuple[int | None, Command]) -> None:
    assert parse_command(body) == parsed


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"{}", b'{"quit": []}', b'{"privacy": []}', b'{"privacy": [1]}', b'{"privacy": true}',
        b'{"privacy": [true], "subject": [1]}', b'{"subject": [12]}', b'{"subject": [true]}', b'{"point": [NaN, 0]}',
        b'{"point": [2, 0]}', b'{"background": ["image:/etc/passwd"]}', b'{"background": [3]}', b"[" * 990, b"\xff",
        b'{"view": [true]}', b'{"epoch": "7"}', b'{"epoch": 7, "privacy": [true]}', b'{"epoch": "", "privacy": [true]}',
        b'{"epoch": "-1", "privacy": [true]}', b'{"epoch": "\xd9\xa3", "privacy": [true]}',
        b'{"hide": ["nobody"]}', b'{"follow": [1]}', b'{"edge": [1]}', b'{"edge": [41, 0]}', b'{"blur": [0.5]}',
        b'{"blur": ["x"]}', b'{"epoch": "7", "forget": [true]}', b'{"subject": [1, 1]}', b'{"background": ["file"]}', b'{"epoch": "12345678901234567890", "privacy": [true]}', b'{"point": [%s, 0]}' % (b"9" * 900),
    ],
)  # fmt: skip
def test_a_malformed_command_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError):
        parse_command(body)


@pytest.mark.parametrize(
    ("epoch", "command", "on_call_machine", "status"),
    [
        (7, SetPrivacy(False), True, None),
        (6, SetPrivacy(False), True, HTTPStatus.CONFLICT),
        (None, SetPrivacy(False), True, HTTPStatus.BAD_REQUEST),
        (7, SelectSubject(0), False, None),
        (6, SelectSubject(0), False, HTTPStatus.CONFLICT),
        (7, SetPrivacy(False), False, HTTPStatus.FORBIDDEN),
        (None, SetPrivacy(False), False, HTTPStatus.FORBIDDEN),
        (7, ResetStyle(), False, HTTPStatus.FORBIDDEN),
        (6, ResetStyle(), True, HTTPStatus.CONFLICT),
        (6, SetPrivacy(True), False, None),
        (None, SetPrivacy(True), True, None),
    ],
)
def test_a_command_must_be_for_the_picture_shown_unless_it_turns_privacy_on(
    epoch: int | None, command: Command, on_call_machine: bool, status: HTTPStatus | None
) -> None:
    refused = refusal_of(epoch, command, shown=7, on_call_machine=on_call_machine)
    assert (refused[0] if refused else None) == status
