"""Downloads a pinned file: resumes it after a broken connection, checks it, and puts it in place whole or not at all.

Size and SHA-256 are pinned. No more bytes than the pinned size are taken, and a file that does not match is never put in
place. A redirect to another scheme is refused. pooch 1.9 does not replace this module: it took 200 MB where 4 MB were
pinned, followed a redirect from https to http, and started again from byte 0 after each broken connection.
"""

from __future__ import annotations

import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm
from typing_extensions import override

from common.errors import AssetError
from common.ipc.fields import printable
from infer.model_folder import Checksum

TIMEOUT_S = 20.0
TRIES = 4
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Pinned:
    """Pin a file on a server: its address, and the checksum and size that it must have."""

    url: str
    checksum: Checksum


def download(pinned: Pinned, path: Path, tries: int = TRIES, timeout_s: float = TIMEOUT_S) -> Path:
    """Download a file to `path`. Resumes from `path`.part if an earlier attempt left it.

    Args:
        pinned: The file.
        path: Gets the file once it is complete and matches its checksum.
        tries: Number of connections, at most.
        timeout_s: A connection that is silent for so long is broken.

    Raises:
        AssetError: The server cannot be reached, refuses, breaks off each connection, or sends another or a larger file;
            or the file cannot be written.
    """
    url, checksum, what = pinned.url, pinned.checksum, _named(pinned.url)
    if checksum.matches(path):
        return path
    part = part_of(path)
    reason = ""
    for _ in range(tries):
        try:
            _fetch_rest(url, part, checksum.size, timeout_s)
            break
        except _TooMuchError:
            part.unlink(missing_ok=True)
            raise AssetError(
                f"{what}: expected {checksum.size} bytes, got more; removed: it is not the file that is pinned"
            ) from None
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.exists():
                break  # the part is complete: the checksum decides
            raise AssetError(
                f"{what}: expected the file, got HTTP {error.code} {_in_one_line(error.reason)}; try again later"
            ) from None
        # broken, silent, or a length that is not a number: resume
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            reason = _in_one_line(str(cause)) or type(cause).__name__
    else:
        raise AssetError(
            f"{what}: expected the whole file, got {_size(part)} bytes in {tries} attempts ({reason}); "
            "another try goes on from there"
        )
    put_in_place(part, path, checksum)
    return path


class _TooMuchError(Exception):
    """The server sends more bytes than are pinned."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follow redirects within one scheme: https must not become http."""

    @override
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """See urllib."""
        if urllib.parse.urlsplit(newurl).scheme != req.type:
            raise urllib.error.HTTPError(req.full_url, code, f"redirect to {newurl:.80}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch_rest(url: str, part: Path, most: int, timeout_s: float) -> None:
    """Append the missing bytes of a file of at most `most` bytes (0: of any size) to its part."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.build_opener(_SameScheme).open(request, timeout=timeout_s) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        left = response.headers.get("Content-Length")
        have = have if resumed else 0  # a server without ranges sends all of it again
        total = have + int(left) if left else None
        if most and (total or 0) > most:
            raise _TooMuchError
        with writing(part):
            file = part.open("ab" if resumed else "wb")
        with file, tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.name, mininterval=1) as bar:
            while data := response.read(CHUNK):
                have += len(data)
                if most and have > most:
                    raise _TooMuchError
                with writing(part):
                    file.write(data)
                    file.flush()
                bar.update(len(data))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection ended after {_size(part)} of {total} bytes")


def unpack(archive: Path, member: str, path: Path, checksum: Checksum) -> None:
    """Extract one file of a tar archive, check it, and put it in place whole or not at all.

    Raises:
        AssetError: The archive has no such member, the member has another checksum, or the file cannot be written.
    """
    part = part_of(path)
    try:
        with tarfile.open(archive) as tar:
            found = next((m for m in tar if m.isfile() and m.name.split("/")[-1] == member), None)
            source = tar.extractfile(found) if found else None
            if source is None:
                raise AssetError(f"{archive.name}: expected {member} in it, got none; fetch it again")
            with source, writing(part), part.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (tarfile.TarError, EOFError) as error:
        raise AssetError(f"{archive.name}: expected a tar archive, got: {error}; fetch it again") from None
    put_in_place(part, path, checksum)


def part_of(path: Path) -> Path:
    """Return the path that a file has until it is complete."""
    return path.with_name(path.name + ".part")


def put_in_place(part: Path, path: Path, checksum: Checksum | None = None) -> None:
    """Rename a complete file, after it was synced to the disk: a power failure leaves the old file or the new one.

    Args:
        part: The complete file.
        path: Its new name. An existing file is replaced.
        checksum: Checksum that the file must have, None for any. A file that does not match is removed.

    Raises:
        AssetError: The file has another checksum, or cannot be written.
    """
    try:
        if checksum is not None:
            checksum.check(part)
    except AssetError:
        part.unlink(missing_ok=True)
        raise
    with writing(path):
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Report each OSError of the block as a failure to write `path`, not as one of the server.

    Raises:
        AssetError: Instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise AssetError(f"{path}: cannot be written ({error.strerror}); make room, or let it be written") from None


def _named(url: str) -> str:
    """Return file and server of an address, because a whole address would fill the terminal."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path.rpartition('/')[2]} of {parts.netloc}"


def _in_one_line(text: str) -> str:
    """Return the text of a server as one printable line."""
    return printable(" ".join(text.split()))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
