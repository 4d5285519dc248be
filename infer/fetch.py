"""`make model`: the tutorial's Mask R-CNN into `mask-rcnn-coco/`, resumed where it broke off, checked, atomic.

The weights lie in a tar archive of TensorFlow's, the graph in OpenCV's test data. Both come over https. Their sizes and
SHA-256 are pinned: nothing is taken beyond the size, and what does not match is never put in place.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tqdm import tqdm
from typing_extensions import override

from common.config import ROOT
from common.errors import AssetError
from common.model import GRAPH_NAME, GRAPH_SUM, WEIGHTS_NAME, WEIGHTS_SUM, Checksum

ARCHIVE_URL = "https://storage.googleapis.com/download.tensorflow.org/models/object_detection/mask_rcnn_inception_v2_coco_2018_01_28.tar.gz"
GRAPH_URL = "https://raw.githubusercontent.com/opencv/opencv_extra/4.x/testdata/dnn/mask_rcnn_inception_v2_coco_2018_01_28.pbtxt"
TIMEOUT_S = 20.0
TRIES = 4
CHUNK = 1 << 16

ARCHIVE_SUM = Checksum("sha256", "4f57861c2ff1c87e92495789ee266e41a7dc79a038521d93a153be403b0b601f", 177_817_887)


def download(url: str, path: Path, checksum: Checksum, tries: int = TRIES, timeout_s: float = TIMEOUT_S) -> Path:
    """Fetch `url` to `path`, going on from `path`.part where an earlier attempt broke off.

    Args:
        url: Of the file. A redirect to another scheme is refused: https must not end as http.
        path: Where it is put once it is whole and right.
        checksum: Of the file; its size bounds what is taken.
        tries: How often a connection may break off.
        timeout_s: Of silence.

    Raises:
        AssetError: The server cannot be reached, refuses, keeps breaking off, or sends something else, or more.
    """
    if checksum.matches(path):
        return path
    part = path.with_name(path.name + ".part")
    reason = ""
    for _ in range(tries):
        try:
            _fetch_rest(url, part, checksum.size, timeout_s)
            break
        except _TooMuchError:
            part.unlink(missing_ok=True)
            raise AssetError(
                f"{url}: expected {checksum.size} bytes, got more; removed: it is not the file that is pinned"
            ) from None
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                break  # nothing is left to fetch: the checksum decides
            raise AssetError(
                f"{url}: expected the file, got HTTP {error.code} {error.reason}; try again later"
            ) from None
        except (OSError, http.client.HTTPException) as error:  # broken off, or silent: go on from where it stopped
            reason = f"{error or type(error).__name__}"
    else:
        raise AssetError(
            f"{url}: expected the whole file, got {_size(part)} bytes in {tries} attempts ({reason}); "
            "check the connection and run `make model` again: it goes on from there"
        )
    try:
        checksum.check(part)
    except AssetError:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)
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
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.name, mininterval=1) as bar,
        ):
            while data := response.read(CHUNK):
                have += len(data)
                if most and have > most:
                    raise _TooMuchError
                file.write(data)
                bar.update(len(data))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection ended after {_size(part)} of {total} bytes")


def unpack(archive: Path, member: str, path: Path, checksum: Checksum) -> None:
    """Take one file out of a tar archive, checked, atomically.

    Raises:
        AssetError: The archive has no such member, or another one than expected.
    """
    part = path.with_name(path.name + ".part")
    try:
        with tarfile.open(archive) as tar:
            found = next((m for m in tar if m.isfile() and m.name.split("/")[-1] == member), None)
            source = tar.extractfile(found) if found else None
            if source is None:
                raise AssetError(f"{archive.name}: expected {member} in it, got none; fetch it again (make model)")
            with source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (tarfile.TarError, EOFError) as error:
        raise AssetError(f"{archive.name}: expected a tar archive, got: {error}; fetch it again (make model)") from None
    checksum.check(part)
    os.replace(part, path)


def fetch_model(folder: Path, archive_url: str = ARCHIVE_URL, graph_url: str = GRAPH_URL) -> None:
    """Put weights and graph of the tutorial's model into `folder`.

    Raises:
        AssetError: One of them cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_NAME
    download(graph_url, folder / GRAPH_NAME, GRAPH_SUM)
    if not WEIGHTS_SUM.matches(weights):
        archive = download(archive_url, folder / "model.tar.gz", ARCHIVE_SUM)
        unpack(archive, WEIGHTS_NAME, weights, WEIGHTS_SUM)
        archive.unlink()
    print(f"the tutorial's Mask R-CNN is in {folder}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m infer.fetch", description="Fetch the tutorial's Mask R-CNN.")
    parser.add_argument("--folder", type=Path, default=ROOT / "mask-rcnn-coco")
    parser.add_argument("--archive-url", default=ARCHIVE_URL)
    parser.add_argument("--graph-url", default=GRAPH_URL)
    args = parser.parse_args()
    try:
        fetch_model(args.folder, args.archive_url, args.graph_url)
    except AssetError as error:
        sys.exit(f"model: {error}")


if __name__ == "__main__":
    main()
