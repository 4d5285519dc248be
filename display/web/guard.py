"""Who may ask what of the page. Pure.

A page on this machine can be asked by every other page that the browser has open, and by names that point to this
machine (DNS rebinding). So the Host must be ours, a request from another site is refused, and whoever wants to change
something must show the cookie that only our own page was given, and come from it. Beyond loopback nothing at all is
answered without the token or that cookie.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from http import HTTPStatus

COOKIE = "onlyme"
NAMES = ("localhost",)


class Guard:
    """Decides.

    Args:
        port: That is served.
        session: The cookie's value, given to whoever opens the page.
        token: Asked for beyond loopback; "" on loopback.
    """

    def __init__(self, port: int, session: str, token: str) -> None:
        self._port, self._session, self._token = port, session, token

    def refuses(
        self, method: str, headers: Mapping[str, str], cookie: str | None, token: str | None
    ) -> tuple[HTTPStatus, str] | None:
        """None, or status and reason.

        Args:
            method: Of the request.
            headers: Lower case.
            cookie: Value of our cookie, if one came.
            token: Of the query, if there is one.
        """
        known = cookie is not None and hmac.compare_digest(cookie.encode(), self._session.encode())
        knows = known or not self._token or hmac.compare_digest((token or "").encode(), self._token.encode())
        changes = method not in ("GET", "HEAD")
        rules = (
            (self._is_ours(headers.get("host", "")), HTTPStatus.MISDIRECTED_REQUEST, "expected the address that onlyme printed"),
            (headers.get("sec-fetch-site", "none") in ("same-origin", "none"), HTTPStatus.FORBIDDEN, "asked from another site"),
            (knows, HTTPStatus.UNAUTHORIZED, "expected the address with the token that onlyme printed"),
            (known or not changes, HTTPStatus.FORBIDDEN, "expected the cookie of the page"),
            (headers.get("origin") == f"http://{headers.get('host')}" or not changes, HTTPStatus.FORBIDDEN, "asked from another site"),
            (headers.get("content-type", "").split(";")[0] == "application/json" or not changes,
             HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json"),
        )  # fmt: skip
        return next(((status, reason) for kept, status, reason in rules if not kept), None)

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not name:
            name, port = host, "80"
        if port != str(self._port):
            return False
        if name in NAMES:
            return True
        try:  # an address cannot be pointed elsewhere, as a name can
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or bool(self._token)
