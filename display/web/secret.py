"""Keeps the secret of a call's page, and derives token and cookie from it."""

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
# characters of base64, 132 bits; short because browsers keep the cookies of all calls until they are closed
TEXT_LENGTH = 22


class Credentials(NamedTuple):
    """Token and cookie that open the page of one call on one port.

    Attributes:
        token: Part of the address that is printed.
        cookie: Name of the cookie that the page gives for the token. A browser sends cookies to every port of a host, so
            the name contains the port. Two calls behind forwarded ports may have the same port, so it contains a mark
            of the call too.
        session: Value of that cookie.
    """

    token: str
    cookie: str
    session: str


def credentials(secret: bytes, port: int, token: str) -> Credentials:
    """Derive the credentials of a page.

    Args:
        secret: Of the call.
        port: Where the page is served.
        token: Chosen by the user; "" to derive one from the secret.
    """
    cookie = f"onlyme-{port}-{_derive_key(secret, 'call')[:8]}"
    return Credentials(token or _derive_key(secret, "token"), cookie, _derive_key(secret, "session"))


def owner() -> str:
    """Return which process owns the secret: this display's parent, which restarts it and lives as long as the call.

    The text holds pid and start time, because the system uses pids again.
    """
    parent = os.getppid()
    start = start_time(parent)
    # without a start time the parent is in another pid namespace: a restart gets another secret
    return secrets.token_hex() if start is None else f"{parent}-{start}"


def load_or_create_secret(path: Path, owner: str) -> bytes:
    """Return the secret that `owner` wrote to `path`; if there is none, create one and write it there.

    So an open page goes on working after its display was restarted. The next call has another owner and gets another
    secret. Any other content of the file, such as half a secret, is ignored and replaced.

    Raises:
        DisplayError: The file cannot be read or written.
    """
    made = secrets.token_bytes(SECRET_BYTES)
    whole = path.with_suffix(".new")
    try:
        said = path.read_bytes() if path.exists() else b""
        if found := re.fullmatch(rf"{re.escape(owner)} ([0-9a-f]{{{2 * SECRET_BYTES}}})\n".encode(), said):
            return bytes.fromhex(found[1].decode())
        whole.unlink(missing_ok=True)  # left by a display that was killed while it wrote
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"{owner} {made.hex()}\n")
        whole.replace(path)  # atomic: a reader sees all of it or nothing
    except OSError as error:
        raise DisplayError(
            f"--sink web: expected to write {path}, got {error.strerror}; make room, or choose another --run-dir"
        ) from None
    return made


def _derive_key(secret: bytes, purpose: str) -> str:
    """Return a text for this purpose that cannot be computed without the secret."""
    digest = hmac.digest(secret, purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:TEXT_LENGTH]
