"""The secret of a call's page, and what is derived from it."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from common.errors import DisplayError
from common.runtime.procinfo import start_time

SECRET_BYTES = 32
TEXT_LENGTH = 22  # base64 characters of 132 bits: short, for a browser keeps a cookie of every call of one session


class Credentials(NamedTuple):
    """What opens the page of one call on one port.

    Attributes:
        token: Part of the address that is printed.
        cookie: Name of the cookie that is given for the token. A browser sends a cookie to every port of
            a host, so the name carries the port. Behind a forwarded port two calls may serve the same one, so it
            carries a mark of the call too.
        session: Value of that cookie.
    """

    token: str
    cookie: str
    session: str


def credentials(secret: bytes, port: int, token: str) -> Credentials:
    """Return what opens the page.

    Args:
        secret: Of the call.
        port: That is served.
        token: That the user chose; "" for one that is derived from the secret.
    """
    cookie = f"onlyme-{port}-{_derived(secret, 'call')[:8]}"
    return Credentials(token or _derived(secret, "token"), cookie, _derived(secret, "session"))


def owner() -> str:
    """Return who keeps the secret: the process that starts this display anew when it dies, which lives as long as the
    call. A pid alone is used again, so its start time belongs to it."""
    parent = os.getppid()
    start = start_time(parent)
    return secrets.token_hex() if start is None else f"{parent}-{start}"  # nobody starts anew what has no parent here


def kept_secret(path: Path, owner: str) -> bytes:
    """Return the secret that `owner` left at `path`, else a new one, which is left there.

    A page that is open goes on working when its display is started anew. The next call has another owner, so it begins
    with another secret. Whatever else stands in the file, such as half of it, is never used.

    Raises:
        DisplayError: It cannot be read or written.
    """
    made = secrets.token_bytes(SECRET_BYTES)
    whole = path.with_suffix(".new")
    try:
        said = path.read_bytes() if path.exists() else b""
        if found := re.fullmatch(rf"{re.escape(owner)} ([0-9a-f]{{{2 * SECRET_BYTES}}})\n".encode(), said):
            return bytes.fromhex(found[1].decode())
        whole.unlink(missing_ok=True)  # of a display that was killed while it wrote
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"{owner} {made.hex()}\n")
        whole.replace(path)  # whole, or not at all
    except OSError as error:
        raise DisplayError(
            f"--sink web: expected to write {path}, got {error.strerror}; make room, or choose another --run-dir"
        ) from None
    return made


def _derived(secret: bytes, purpose: str) -> str:
    """Return a text that cannot be made without the secret."""
    digest = hmac.digest(secret, purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:TEXT_LENGTH]
