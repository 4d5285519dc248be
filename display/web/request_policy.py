"""Decides which HTTP requests the page answers. Pure.

Every program on this machine can connect to the page's port, also programs of other users. So nothing is answered
without the token that onlyme printed, or the cookie that the page gave for it.

The browser adds the cookie by itself, so the policy also checks where a request comes from. Pages of other sites get
nothing. Of other sites only a link is followed, and only one that holds the token: it opens the page anew.

The Host of a request must be an address or localhost, with any port: `ssh -L` and `docker -p` give the page another
port. The token keeps strangers out, so a name that resolves to this machine (DNS rebinding) opens nothing. Names are
refused all the same: nobody can redirect an address, but the owner of a name could point it to their own server later,
and the browser would send the cookie there.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from display.web.secret import Credentials

NEEDS_TOKEN = "expected the token: open the whole address that onlyme printed, with its ?token="
UPLOAD = "/background"
OTHER_SITE = "this request comes from another site"


class WebRequest(NamedTuple):
    """The parts of an HTTP request that the policy reads.

    Attributes:
        method: In capitals.
        path: Without the query.
        token: Value of `token` in the query, None without one.
        cookies: All cookies, by name.
        headers: By name in lower case.
    """

    method: str
    path: str
    token: str | None
    cookies: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def is_mutating(self) -> bool:
        """Whether the request may change something."""
        return self.method not in ("GET", "HEAD")


class RequestPolicy:
    """Checks requests against the credentials of one call."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def check(self, request: WebRequest) -> tuple[HTTPStatus, str] | None:
        """Return None if the request may be answered, else status and reason of the refusal."""
        headers, changes = request.headers, request.is_mutating
        site = headers.get("sec-fetch-site", "none")
        # neither of which a form of another site can send
        kind = "image/jpeg" if request.path == UPLOAD else "application/json"
        rules = (
            (_is_address(headers.get("host", "")), HTTPStatus.MISDIRECTED_REQUEST, "expected the address that onlyme printed"),
            (site in ("same-origin", "none") or self._is_link(request), HTTPStatus.FORBIDDEN, OTHER_SITE),
            (self.authenticated(request), HTTPStatus.UNAUTHORIZED, NEEDS_TOKEN),
            (self._has_cookie(request) or not changes, HTTPStatus.FORBIDDEN, "expected the cookie of the page"),
            (headers.get("origin") == f"http://{headers.get('host')}" or not changes, HTTPStatus.FORBIDDEN, OTHER_SITE),
            (headers.get("content-type", "").split(";")[0] == kind or not changes,
             HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {kind}"),
        )  # fmt: skip
        return next(((status, reason) for kept, status, reason in rules if not kept), None)

    def authenticated(self, request: WebRequest) -> bool:
        """Return whether the request has the cookie, or the token in its query or as `Authorization: Bearer TOKEN`."""
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        tokens = (request.token, bearer.strip() if kind.lower() == "bearer" else None)
        return self._has_cookie(request) or any(_same(token, self._credentials.token) for token in tokens)

    def _has_cookie(self, request: WebRequest) -> bool:
        return _same(request.cookies.get(self._credentials.cookie), self._credentials.session)

    def _is_link(self, request: WebRequest) -> bool:
        """Return whether somebody followed a link that holds the token, to the page and into a tab of its own."""
        to_a_tab = (request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest"))
        if (request.method, request.path, to_a_tab) != ("GET", "/", ("navigate", "document")):
            return False
        return _same(request.token, self._credentials.token)


def _same(text: str | None, secret: str) -> bool:
    """Compare in constant time: the time taken does not tell how many characters are right."""
    return text is not None and hmac.compare_digest(text.encode(), secret.encode())


def _is_address(host: str) -> bool:
    """Return whether a Host header names an IP address or localhost."""
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "80")
    if not name:
        name, port = host, "80"
    if not port.isdecimal() or "%" in name:  # a zone, in which any name may stand; browsers send none
        return False
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
