from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import pytest

from common.errors import MessageError
from common.ipc.records import Command, SelectSubject, SelectSubjectAt, SetBackground, SetPrivacy
from display.web.app import parse_wish, why_not
from display.web.guard import Asked, Guard
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
    """None, or the status of the refusal."""
    refused = Guard(OPENS).refuses(Asked(method, path, token, cookies or {}, {"host": HERE, **headers}))
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
def test_only_the_cookie_of_this_call_and_port_opens_it(cookies: dict[str, str]) -> None:
    assert status_of({}, cookies) == HTTPStatus.UNAUTHORIZED
    assert status_of({}, {**cookies, **COOKIE}) is None


def test_the_token_opens_it_as_part_of_the_address_and_as_a_header() -> None:
    assert status_of({}, token=OPENS.token, path="/picture.mjpg") is None
    assert status_of({"authorization": f"Bearer {OPENS.token}"}, path="/metrics") is None
    assert status_of({"authorization": f"bearer  {OPENS.token} "}, path="/metrics") is None
    assert status_of({"authorization": f"Basic {OPENS.token}"}, path="/metrics") == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "host", [HERE, "localhost:8765", "[::1]:8765", "127.0.0.1", "localhost", "[::1]", "127.0.0.1:9000", "10.0.0.1:80"]
)
def test_a_forwarded_port_has_another_number(host: str) -> None:
    assert status_of({"host": host}, COOKIE) is None
    assert status_of({"host": host}, token=OPENS.token) is None


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8765", "[::1", "localhost.evil:8765", ":8765", "127.0.0.1:x", "[fe80::1%evil.example]:8765"])  # fmt: skip
def test_a_name_that_is_pointed_here_is_refused(host: str) -> None:
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


def test_our_page_may_change_something() -> None:
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
def test_nobody_else_may(change: dict[str, str], cookies: dict[str, str], status: HTTPStatus) -> None:
    assert status_of({**POST, **change}, cookies, method="POST", path="/wish") == status


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        (b'{"privacy": [true]}', (None, SetPrivacy(True))),
        (b'{"epoch": "9223372036854775807", "subject": [10]}', (2**63 - 1, SelectSubject(10))),
        (b'{"epoch": "7", "point": [0.5, 1]}', (7, SelectSubjectAt(0.5, 1.0))),
        (b'{"epoch": "7", "background": ["color:00ff00"]}', (7, SetBackground("color:00ff00"))),
    ],
)
def test_a_wish_is_read(body: bytes, wish: tuple[int | None, Command]) -> None:
    assert parse_wish(body) == wish


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"{}", b'{"quit": []}', b'{"privacy": []}', b'{"privacy": [1]}', b'{"privacy": true}',
        b'{"privacy": [true], "subject": [1]}', b'{"subject": [12]}', b'{"subject": [true]}', b'{"point": [NaN, 0]}',
        b'{"point": [2, 0]}', b'{"background": ["image:/etc/passwd"]}', b'{"background": [3]}', b"[" * 990, b"\xff",
        b'{"view": [true]}', b'{"epoch": "7"}', b'{"epoch": 7, "privacy": [true]}', b'{"epoch": "", "privacy": [true]}',
        b'{"epoch": "-1", "privacy": [true]}', b'{"epoch": "\xd9\xa3", "privacy": [true]}',
        b'{"epoch": "12345678901234567890", "privacy": [true]}', b'{"point": [%s, 0]}' % (b"9" * 900),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError):
        parse_wish(body)


@pytest.mark.parametrize(
    ("epoch", "wanted", "near", "status"),
    [
        (7, SetPrivacy(False), True, None),
        (6, SetPrivacy(False), True, HTTPStatus.CONFLICT),
        (None, SetPrivacy(False), True, HTTPStatus.BAD_REQUEST),
        (7, SelectSubject(0), False, None),
        (6, SelectSubject(0), False, HTTPStatus.CONFLICT),
        (7, SetPrivacy(False), False, HTTPStatus.FORBIDDEN),
        (None, SetPrivacy(False), False, HTTPStatus.FORBIDDEN),
        (6, SetPrivacy(True), False, None),
        (None, SetPrivacy(True), True, None),
    ],
)
def test_a_wish_is_for_the_picture_that_is_shown_but_to_hide_always_is_allowed(
    epoch: int | None, wanted: Command, near: bool, status: HTTPStatus | None
) -> None:
    refused = why_not(epoch, wanted, shown=7, near=near)
    assert (refused[0] if refused else None) == status
