from __future__ import annotations

from http import HTTPStatus

import pytest

from common.errors import MessageError
from common.messages import BackgroundSet, PrivacySet, SubjectAsked, SubjectPointed, Wanted
from display.web.app import parse_wish
from display.web.guard import Guard

PORT, SESSION, TOKEN = 8765, "s" * 43, "t" * 22
HERE = f"127.0.0.1:{PORT}"
POST = {"host": HERE, "origin": f"http://{HERE}", "content-type": "application/json"}


@pytest.mark.parametrize("host", [HERE, f"localhost:{PORT}", f"[::1]:{PORT}"])
def test_whoever_is_here_may_look(host: str) -> None:
    assert Guard(PORT, SESSION, "").refuses("GET", {"host": host}, None, None) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"10.0.0.1:{PORT}", "[::1", f"localhost.evil:{PORT}", f":{PORT}"]
)  # fmt: skip
def test_a_name_that_is_pointed_here_is_refused(host: str) -> None:
    refused = Guard(PORT, SESSION, "").refuses("GET", {"host": host}, SESSION, None)
    assert refused is not None and refused[0] == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_other_pages_of_the_same_browser_get_nothing(site: str) -> None:
    refused = Guard(PORT, SESSION, "").refuses("GET", {"host": HERE, "sec-fetch-site": site}, SESSION, None)
    assert refused is not None and refused[0] == HTTPStatus.FORBIDDEN


def test_our_page_may_change_something() -> None:
    assert Guard(PORT, SESSION, "").refuses("POST", POST, SESSION, None) is None


@pytest.mark.parametrize(
    ("change", "cookie", "status"),
    [
        ({}, None, HTTPStatus.FORBIDDEN),
        ({}, "x" * 43, HTTPStatus.FORBIDDEN),
        ({}, "\xe9", HTTPStatus.FORBIDDEN),
        ({"origin": "http://evil.example"}, SESSION, HTTPStatus.FORBIDDEN),
        ({"origin": "null"}, SESSION, HTTPStatus.FORBIDDEN),
        ({"origin": f"https://{HERE}"}, SESSION, HTTPStatus.FORBIDDEN),
        ({"content-type": "text/plain"}, SESSION, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        ({"content-type": "application/x-www-form-urlencoded"}, SESSION, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ],
)
def test_nobody_else_may(change: dict[str, str], cookie: str | None, status: HTTPStatus) -> None:
    refused = Guard(PORT, SESSION, "").refuses("POST", {**POST, **change}, cookie, None)
    assert refused is not None and refused[0] == status


def test_from_elsewhere_nothing_is_answered_without_the_token() -> None:
    guard, there = Guard(PORT, SESSION, TOKEN), {"host": f"192.168.1.5:{PORT}"}
    for token in (None, "", "x" * 22, "\xe9"):
        refused = guard.refuses("GET", there, None, token)
        assert refused is not None and refused[0] == HTTPStatus.UNAUTHORIZED
    assert guard.refuses("GET", there, None, TOKEN) is None
    assert guard.refuses("GET", there, SESSION, None) is None, "the cookie came with the token"
    refused = guard.refuses("GET", {"host": f"evil.example:{PORT}"}, SESSION, TOKEN)
    assert refused is not None and refused[0] == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        (b'{"privacy": [true]}', PrivacySet(True)),
        (b'{"subject": [10]}', SubjectAsked(10)),
        (b'{"point": [0.5, 1]}', SubjectPointed(0.5, 1.0)),
        (b'{"background": ["color:00ff00"]}', BackgroundSet("color:00ff00")),
    ],
)
def test_a_wish_is_read(body: bytes, wish: Wanted) -> None:
    assert parse_wish(body) == wish


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"{}", b'{"quit": []}', b'{"privacy": []}', b'{"privacy": [1]}', b'{"privacy": true}',
        b'{"privacy": [true], "subject": [1]}', b'{"subject": [11]}', b'{"subject": [true]}', b'{"point": [NaN, 0]}',
        b'{"point": [2, 0]}', b'{"background": ["image:/etc/passwd"]}', b'{"background": [3]}', b"[" * 990, b"\xff",
    ],
)  # fmt: skip
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError):
        parse_wish(body)
