"""Who may ask what of the page. Pure.

Every program on this machine can connect to a port of it, and so can the programs of its other users. So nothing is
answered without the token that onlyme printed, or the cookie that was given for it.

The browser itself carries the cookie, so it is also asked where a request comes from. A page of another site gets
nothing. Of another site only a link is followed, and only one that holds the token: it opens the page anew.

The Host of a request is an address or localhost, with any port: `ssh -L` and `docker -p` give the page another port.
The token is what keeps strangers out, so a name that is pointed to this machine (DNS rebinding) opens nothing. Names
are refused all the same: an address cannot be pointed elsewhere, while the owner of a name could point it to a server
of their own later, and the browser would bring the cookie there.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from display.web.secret import Credentials

NEEDS_TOKEN = "expected the token: open the whole address that onlyme printed, with its ?token="
OTHER_SITE = "asked from another site"


class Asked(NamedTuple):
    """What the guard looks at.

    Attributes:
        method: In capitals.
        path: Without the query.
        token: Of the query, if there is one.
        cookies: All that came.
        headers: By their names in lower case.
    """

    method: str
    path: str
    token: str | None
    cookies: Mapping[str, str]
    headers: Mapping[str, str]


class Guard:
    """Decides."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def refuses(self, asked: Asked) -> tuple[HTTPStatus, str] | None:
        """Return None, or status and reason."""
        headers, changes = asked.headers, asked.method not in ("GET", "HEAD")
        brings_cookie = _same(asked.cookies.get(self._credentials.cookie), self._credentials.session)
        site = headers.get("sec-fetch-site", "none")
        rules = (
            (_is_address(headers.get("host", "")), HTTPStatus.MISDIRECTED_REQUEST, "expected the address that onlyme printed"),
            (site in ("same-origin", "none") or self._is_link(asked), HTTPStatus.FORBIDDEN, OTHER_SITE),
            (brings_cookie or self.knows_token(asked), HTTPStatus.UNAUTHORIZED, NEEDS_TOKEN),
            (brings_cookie or not changes, HTTPStatus.FORBIDDEN, "expected the cookie of the page"),
            (headers.get("origin") == f"http://{headers.get('host')}" or not changes, HTTPStatus.FORBIDDEN, OTHER_SITE),
            (headers.get("content-type", "").split(";")[0] == "application/json" or not changes,
             HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json"),
        )  # fmt: skip
        return next(((status, reason) for kept, status, reason in rules if not kept), None)

    def knows_token(self, asked: Asked) -> bool:
        """Whether the token came, in the query or as `Authorization: Bearer TOKEN`."""
        kind, _, bearer = asked.headers.get("authorization", "").partition(" ")
        shown = (asked.token, bearer.strip() if kind.lower() == "bearer" else None)
        return any(_same(text, self._credentials.token) for text in shown)

    def _is_link(self, asked: Asked) -> bool:
        """Whether somebody followed a link to the page that holds the token, into a tab of its own."""
        to_a_tab = (asked.headers.get("sec-fetch-mode"), asked.headers.get("sec-fetch-dest"))
        if (asked.method, asked.path, to_a_tab) != ("GET", "/", ("navigate", "document")):
            return False
        return _same(asked.token, self._credentials.token)


def _same(text: str | None, secret: str) -> bool:
    """Compare in a time that does not say how much is right."""
    return text is not None and hmac.compare_digest(text.encode(), secret.encode())


def _is_address(host: str) -> bool:
    """Whether a Host header names an IP address or localhost."""
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
