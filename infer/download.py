"""One file from a server: resumed where it broke off, checked, put in place whole or not at all.

Size and SHA-256 are pinned: nothing is taken beyond the size, and what does not match is never put in place.
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
    """A file that a server has: its address, and the checksum with the size that it must have."""

    url: str
    checksum: Checksum


def download(pinned: Pinned, path: Path, tries: int = TRIES, timeout_s: float = TIMEOUT_S) -> Path:
    """Fetch a file to `path`, going on from `path`.part where an earlier attempt broke off.

    Args:
        pinned: What. A redirect to another scheme is refused: https must not end as http.
        path: Where it is put once it is whole and right.
        tries: How often a connection may break off.
        timeout_s: Of silence.

    Raises:
        AssetError: The server cannot be reached, refuses, keeps breaking off, or sends something else, or more; or the
            file cannot be written.
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
                break  # nothing is left to fetch: the checksum decides
            raise AssetError(
                f"{what}: expected the file, got HTTP {error.code} {_in_one_line(error.reason)}; try again later"
            ) from None
        # broken off, silent, or no sense (a length that is no number): go on from where it stopped
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
    """The server sends more than the file has."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but from https to http or elsewhere."""

    @override
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """See urllib."""
        if urllib.parse.urlsplit(newurl).scheme != req.type:
            raise urllib.error.HTTPError(req.full_url, code, f"redirect to {newurl:.80}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch_rest(url: str, part: Path, most: int, timeout_s: float) -> None:
    """Fetch what is missing of a file of `most` bytes (0: of any size)."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.build_opener(_SameScheme).open(request, timeout=timeout_s) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        left = response.headers.get("Content-Length")
        have = have if resumed else 0  # a server without ranges starts over, and so do we
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
    """Take one file out of a tar archive, checked, atomically.

    Raises:
        AssetError: The archive has no such member, or another one than expected; or the file cannot be written.
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
    """Where a file lies until it is whole."""
    return path.with_name(path.name + ".part")


def put_in_place(part: Path, path: Path, checksum: Checksum | None = None) -> None:
    """Give a whole file its name, on the disk before that: a loss of power leaves the old one or the new one.

    Args:
        part: The file.
        path: Its name; a file that had it is replaced.
        checksum: What it must have, where it is pinned; a file that has another one is removed.

    Raises:
        AssetError: It has another checksum, or cannot be written.
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
    """What fails within is the disk's fault, not the server's.

    Raises:
        AssetError: Instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise AssetError(f"{path}: cannot be written ({error.strerror}); make room, or let it be written") from None


def _named(url: str) -> str:
    """A file and who has it: the whole address would fill a terminal."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path.rpartition('/')[2]} of {parts.netloc}"


def _in_one_line(said: str) -> str:
    """What a server may have said, fit for a terminal."""
    return printable(" ".join(said.split()))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
